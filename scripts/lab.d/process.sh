# Processes that the lab starts, and ends by the pid and start time that it wrote down.
# shellcheck shell=bash

started_at() { awk '{ print $22 }' "/proc/$1/stat" 2>/dev/null; }

# start NAME COMMAND... : in the background, once.
start() {
  local name=$1
  shift
  runs "$name" && return 0
  setsid "$@" >"$state/log/$name.log" 2>&1 </dev/null &
  echo "$! $(started_at $!)" >"$state/$name.pid"
}

# runs NAME : whether that very process lives.
runs() {
  local pid time
  [ -e "$state/$1.pid" ] || return 1
  read -r pid time <"$state/$1.pid"
  [ -n "$time" ] && [ "$(started_at "$pid")" = "$time" ]
}

stop() {
  local pid
  if runs "$1"; then
    read -r pid _ <"$state/$1.pid"
    kill "$pid"
    for _ in $(seq 300); do
      runs "$1" || break
      sleep 0.1
    done
    runs "$1" && kill -9 "$pid"
  fi
  rm -f "$state/$1.pid"
}

# wait_until WHAT NAME COMMAND... : until the command succeeds or the process NAME has died.
wait_until() {
  local what=$1 name=$2
  shift 2
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return 0
    runs "$name" || break
    sleep 0.1
  done
  tail -n 20 "$state/log/$name.log" >&2
  die "$what does not answer; its log is $state/log/$name.log"
}
