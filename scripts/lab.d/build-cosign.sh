# cosign 2 and 3, from the Debian releases that have them: build_cosign FOLDER
# shellcheck shell=bash
cosign_releases="2:trixie 3:forky"

# apt looks into lists of its own, and checks the archive's signature.
build_cosign() {
  local out=$1 work pair
  work=$(mktemp -d)
  mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$out"
  for pair in $cosign_releases; do
    (
      cd "$work" || exit
      echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) ${pair#*:} main" >list
      own=(-o "Dir::Etc::SourceList=$work/list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State=$work/state" -o Dir::State::status=/dev/null -o "Dir::Cache=$work/cache"
        -o APT::Sandbox::User=root)
      apt-get -qq "${own[@]}" update
      apt-get -qq "${own[@]}" download cosign
      dpkg-deb -x cosign_*.deb root
      install root/usr/bin/cosign "$out/cosign-${pair%:*}"
      rm -rf root cosign_*.deb
    )
  done
  rm -rf "$work"
}
