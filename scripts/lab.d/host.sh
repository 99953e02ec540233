# The isolated host: a docker daemon in a network namespace that has loopback only.
# shellcheck shell=bash

host_up() {
  ip netns list | grep -qw "$namespace" || ip netns add "$namespace"
  ip -n "$namespace" link set lo up
  raise fs/inotify/max_user_instances 1024
  raise fs/inotify/max_user_watches 524288
  ulimit -n "$(ulimit -Hn)"
  start dockerd nsenter --net="/run/netns/$namespace" dockerd --data-root "$state/docker" \
    --exec-root "$state/exec" --pidfile "$state/dockerd-own.pid" -H "$docker_host" \
    --add-runtime "lab=$recipes/files/runc-wrap" --default-runtime lab
  wait_until "the docker daemon" dockerd docker -H "$docker_host" version
}

raise() {
  [ "$(cat "/proc/sys/$1")" -ge "$2" ] || echo "$2" >"/proc/sys/$1"
}

host_down() {
  local ids
  if runs dockerd; then
    ids=$(docker -H "$docker_host" ps -aq)
    # shellcheck disable=SC2086  # one id a word
    [ -z "$ids" ] || docker -H "$docker_host" rm -fv $ids >/dev/null
  fi
  stop dockerd
  end_orphans
  unmount_all
  if ip netns list | grep -qw "$namespace"; then ip netns del "$namespace"; fi
}

# What dockerd leaves behind when it was killed: everything it ran is in our namespace alone.
end_orphans() {
  local pids
  ip netns list | grep -qw "$namespace" || return 0
  pids=$(ip netns pids "$namespace")
  # shellcheck disable=SC2086  # one pid a word
  [ -z "$pids" ] || kill -9 $pids 2>/dev/null || true
}

unmount_all() {
  local mount
  awk -v top="$state/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | sort -r |
    while read -r mount; do umount -l "$mount" || true; done
}

# Run a command on the isolated host.
host_exec() {
  export DOCKER_HOST=$docker_host PATH=$PATH:$bin
  unset DOCKER_CONTEXT
  exec nsenter --net="/run/netns/$namespace" "$@"
}
