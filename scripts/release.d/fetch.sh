# The sources of the single file, from Debian, by the hashes in sources.txt.
# shellcheck shell=bash disable=SC2154  # $recipes: set by whoever sources this

suite=trixie
source_packages=(zlib openssl python3.13)

# pinned PACKAGE KIND : the files of that kind (tarball, patch), in their order.
pinned() { awk -v package="$1" -v kind="$2" '$1 == package && $2 == kind { print $4 }' "$recipes/sources.txt"; }

# wanted_patches PACKAGE <series : those of Debian's patches that mend faults; the others fit the
# program into Debian.
wanted_patches() {
  sed 's/[[:space:]].*//; /^#/d; /^$/d' | case $1 in
    python*) grep -E '^(CVE-|ssl-|dict-|traverse-)' ;;
    openssl) grep -vE '^(debian-targets|man-section|no-symbolic|pic|c_rehash-compat|Configure-allow)' ;;
    *) cat ;;
  esac || true
}

# An apt of our own, so that the machine's sources stay as they are: open_apt FOLDER.
open_apt() {
  local key=/usr/share/keyrings/debian-archive-keyring.gpg archive
  apt_folder=$1
  mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/state"
  archive="deb-src [signed-by=$key]"
  cat >"$1/sources.list" <<END
$archive $(debian_mirror) $suite main
$archive $(debian_mirror -security) $suite-security main
END
  own_apt apt-get -q update
}

own_apt() {
  local program=$1
  shift
  "$program" -o "Dir::Etc::sourcelist=$apt_folder/sources.list" -o Dir::Etc::sourceparts=- \
    -o "Dir::State=$apt_folder/state" -o "Dir::State::lists=$apt_folder/lists" \
    -o "Dir::Cache=$apt_folder/cache" -o Dir::State::status=/dev/null \
    -o APT::Sandbox::User=root "$@"
}

# versions PACKAGE : what Debian has, the newest first.
versions() {
  local all=() version sorted=()
  mapfile -t all < <(own_apt apt-cache showsrc "$1" | sed -n 's/^Version: //p' | LC_ALL=C sort -u)
  while [ ${#all[@]} -gt 0 ]; do
    local newest=${all[0]} rest=()
    for version in "${all[@]}"; do
      if dpkg --compare-versions "$version" gt "$newest"; then newest=$version; fi
    done
    for version in "${all[@]}"; do [ "$version" = "$newest" ] || rest+=("$version"); done
    sorted+=("$newest")
    all=("${rest[@]}")
  done
  printf '%s\n' "${sorted[@]}"
}

# download PACKAGE VERSION FOLDER : its tarball and its patches, as FOLDER/*.orig.tar.* and
# FOLDER/debian/patches; false where Debian lists it and does not have it.
download() {
  rm -rf "$3"
  mkdir -p "$3"
  (cd "$3" && own_apt apt-get -q source --download-only "$1=$2" && tar xf ./*.debian.tar.* debian/patches)
}

sha() { sha256sum "$1" | cut -d' ' -f1; }

# fetch_sources FOLDER : every pinned file. A revision of Debian's may move: what counts is that the
# tarball and each pinned patch are the same bytes.
fetch_sources() {
  local package version found
  open_apt "$1/apt"
  for package in "${source_packages[@]}"; do
    found=
    for version in $(versions "$package"); do
      download "$package" "$version" "$1/$package" || continue
      if take_pinned "$package" "$1/$package" "$1"; then
        found=$version
        break
      fi
    done
    if [ -z "$found" ]; then
      echo "error: Debian $suite no longer has $package as scripts/release.d/sources.txt pins it; it has $(versions "$package" | tr '\n' ' ')"
      echo "hint: scripts/lock moves the pin; then review what it changed"
      return 1
    fi
    echo "$package: from $found"
    (cd "$1/$package" && wanted_patches "$package" <debian/patches/series) |
      grep -vxFf <(pinned "$package" patch) | sed "s/^/note: $package has a patch that is not pinned: /" || true
    rm -rf "${1:?}/$package"
  done
  rm -rf "$1/apt"
}

# take_pinned PACKAGE FROM TO : copy the pinned files; false where one differs or is missing.
take_pinned() {
  local kind hash name path
  while read -r _ kind hash name; do
    path=$2/$name
    [ "$kind" = tarball ] || path=$2/debian/patches/$name
    [ -f "$path" ] && [ "$(sha "$path")" = "$hash" ] || { echo "$1: not the pinned $name"; return 1; }
    cp "$path" "$3/$name"
  done < <(awk -v package="$1" '$1 == package' "$recipes/sources.txt")
}

# lock_sources FOLDER : write what sources.txt is to say, of the newest versions that can be had.
lock_sources() {
  local package version name
  open_apt "$1/apt" >&2
  echo "# What the single file is compiled from, written by scripts/lock: PACKAGE KIND SHA256 FILE."
  for package in "${source_packages[@]}"; do
    for version in $(versions "$package"); do
      download "$package" "$version" "$1/$package" >&2 && break
      echo "$package $version is listed and cannot be had" >&2
    done
    echo "# $package $version, Debian $suite"
    name=$(cd "$1/$package" && ls ./*.orig.tar.?z)
    echo "$package tarball $(sha "$1/$package/$name") ${name#./}"
    while read -r name; do
      echo "$package patch $(sha "$1/$package/debian/patches/$name") $name"
    done < <(wanted_patches "$package" <"$1/$package/debian/patches/series")
  done
}
