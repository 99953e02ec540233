# Folders and ports of the lab, and its cache; sourced by all its scripts, which set $repo.
# shellcheck shell=bash disable=SC2034  # used by whoever sources this

# shellcheck source=lab.d/versions.sh
. "$repo/scripts/lab.d/versions.sh"

recipes=$repo/scripts/lab.d
cache=${AIRGAP_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/airgap-lab}
state=${AIRGAP_LAB_STATE:-/var/lib/airgap-lab}

namespace=${AIRGAP_LAB_NETNS:-airgap-iso}
hub=127.0.0.1:${AIRGAP_LAB_HUB_PORT:-5080}
quay=127.0.0.1:${AIRGAP_LAB_QUAY_PORT:-5443}
quay_user=lab
quay_password=lab-password
docker_host=unix://$state/docker.sock

say() { echo "lab: $*" >&2; }
die() { say "error: $*"; exit 1; }

# part NAME RECIPE... : the cache folder of a part, named by the versions and by its recipes.
part() {
  local name=$1
  shift
  local key
  key=$(cd "$recipes" && find versions.sh "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | sha256sum | cut -c1-12)
  echo "$cache/$name-$key"
}

# make_part FOLDER COMMAND... : fill a part's folder once; a broken build leaves none behind.
make_part() {
  local folder=$1
  shift
  [ -d "$folder" ] && touch "$folder" && return 0
  local began=$SECONDS
  say "building $(basename "$folder")"
  rm -rf "$folder.new"
  mkdir -p "$folder.new"
  # No "||" here: bash ignores "set -e" in whatever stands before it.
  set +e
  (
    set -e
    "$@" "$folder.new"
  ) >"$cache/log/$(basename "$folder").log" 2>&1 </dev/null
  local status=$?
  set -e
  if [ $status -ne 0 ]; then
    tail -n 30 "$cache/log/$(basename "$folder").log" >&2
    die "building $(basename "$folder") failed; its log is in $cache/log"
  fi
  mv "$folder.new" "$folder"
  say "built $(basename "$folder") in $((SECONDS - began)) s"
}

# Parts of older recipes go when nobody has used them for a week: another checkout may share the
# cache, so not at once.
forget_old_parts() {
  find "$cache" -mindepth 1 -maxdepth 1 -type d -name '*-*' -mtime +7 -exec rm -rf {} +
}

bin=$(part bin build-bin.sh)
rootfs=$(part rootfs build-rootfs.sh)
tools=$(part tools build-rootfs.sh)
images=$(part images build-bin.sh build-rootfs.sh build-images.sh mkimage.py files)
upstreams=$(part upstreams build-bin.sh build-rootfs.sh build-images.sh build-upstreams.sh upstreams.sh mkimage.py files)
