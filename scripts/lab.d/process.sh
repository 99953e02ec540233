# Processes that the lab starts, and ends by the pid and start time that it wrote down.
# shellcheck shell=bash

started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# One `up` or `down` at a time.
lock_state() {
  mkdir -p "$state/log"
  exec 9>"$state/lock"
  flock 9
}

# start NAME COMMAND... : in the background, once. The child itself writes its record before it
# becomes the command, so that no kill at any moment leaves a process that nobody knows of. Before
# that it closes what it inherited: neither our locks nor a caller's are held by what stays behind.
start() {
  local name=$1
  shift
  runs "$name" && return 0
  # shellcheck disable=SC2016  # expanded by the child
  RECORD=$state/$name.pid setsid bash -c '
    for open in /proc/$$/fd/*; do
      [ "${open##*/}" -le 2 ] || eval "exec ${open##*/}>&-"
    done
    unset open
    echo "$$ $(sed "s/.*) //" /proc/$$/stat | cut -d " " -f 20)" >"$RECORD.new"
    mv "$RECORD.new" "$RECORD"
    unset RECORD
    exec "$@"' start "$@" >"$state/log/$name.log" 2>&1 </dev/null &
  while [ -d "/proc/$!" ] && ! runs "$name"; do sleep 0.02; done
}

# runs NAME : whether that very process lives.
runs() {
  local pid time
  [ -e "$state/$1.pid" ] || return 1
  read -r pid time <"$state/$1.pid" || return 1
  [ -n "$time" ] && [ "$(started_at "$pid")" = "$time" ] && ! grep -q '^State:[[:space:]]Z' "/proc/$pid/status"
}

stop() {
  local pid
  if runs "$1"; then
    read -r pid _ <"$state/$1.pid"
    kill "$pid" || true
    for _ in $(seq 300); do
      runs "$1" || break
      sleep 0.1
    done
    ! runs "$1" || kill -9 "$pid" || true
  fi
  rm -f "$state/$1.pid"
}

# wait_until WHAT NAME COMMAND... : until the command succeeds or the process NAME has died.
wait_until() {
  local what=$1 name=$2
  shift 2
  for _ in $(seq 300); do
    runs "$name" || break
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  tail -n 20 "$state/log/$name.log" >&2
  die "$what does not answer; its log is $state/log/$name.log"
}
