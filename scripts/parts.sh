# Parts that are slow to build, kept in a cache; sourced by scripts that set $cache (a folder),
# $recipes (a folder) and $speaker (who speaks).
# shellcheck shell=bash disable=SC2154  # set by whoever sources this

say() { echo "$speaker: $*" >&2; }
die() { say "error: $*"; exit 1; }

# part NAME RECIPE... : the cache folder of a part, named by what its recipes say.
part() {
  local name=$1
  shift
  local key
  key=$(cd "$recipes" && find "$@" -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | sha256sum | cut -c1-12)
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

# debian_mirror [SUFFIX] : where the machine's own apt gets its release from, else Debian's own
# place. SUFFIX "-security" asks for the archive of security fixes.
debian_mirror() {
  local suite found
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")${1:-}
  found=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v suite="$suite" '
    /^URIs:/ { uri = $2 }
    /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == suite) { print uri; exit } }')
  [ -n "$found" ] || found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    sed 's/\[[^]]*\]//' | awk -v suite="$suite" '$1 == "deb" && $3 == suite { print $2; exit }')
  echo "${found:-http://deb.debian.org/debian${1:-}}"
}
