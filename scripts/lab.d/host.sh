# The isolated host: a docker daemon, or podman, in a network namespace that has loopback only, on
# this machine's system or on the root of another release.
# shellcheck shell=bash

host_up() {
  [ -e "/run/netns/$namespace" ] || ip netns add "$namespace"
  ip -n "$namespace" link set lo up
  raise fs/inotify/max_user_instances 1024
  raise fs/inotify/max_user_watches 524288
  ulimit -n "$(ulimit -Hn)"
  # nsenter and not `ip netns exec`, which mounts a fresh /sys that hides the cgroups. In a mount
  # namespace of its own, whatever docker mounts is gone with its processes.
  local enter=(nsenter --net="/run/netns/$namespace" unshare --mount --propagation slave)
  local root=("${enter[@]}")
  [ -z "$host_root" ] || root+=(bash "$recipes/enter-root.sh" "$host_root" "$state" "$cache" "$repo")
  if [ "$engine" = podman ]; then
    start podman "${root[@]}" bash "$recipes/podman-host.sh" "$state"
    wait_until podman podman on_host test -e /run/podman-host
    return
  fi
  if ! has_daemon "$lab_host"; then
    local shared=(bash "$recipes/share-etc.sh" "$state/etc")
    start root "${root[@]}" "${shared[@]}" sh -c "touch /run/host-root && exec sleep infinity"
    wait_until "the host's root" root on_host test -e /run/host-root
    root=("${enter[@]}" "${shared[@]}")
  fi
  write_daemon_config
  start dockerd "${root[@]}" dockerd --config-file "$state/daemon.json" --data-root "$state/docker" \
    --exec-root "$state/exec" --pidfile "$state/dockerd-own.pid" -H "$docker_host"
  wait_until "the docker daemon" dockerd lab_docker version
}

# What runs the containers, and what stands for the host: as long as that runs, its mount namespace
# is there.
engine_process() { if [ "$engine" = podman ]; then echo podman; else echo dockerd; fi; }
host_process() { if has_daemon "$lab_host"; then engine_process; else echo root; fi; }

on_host() { (host_exec "$@"); }

raise() {
  [ "$(cat "/proc/sys/$1")" -ge "$2" ] || echo "$2" >"/proc/sys/$1"
}

lab_docker() { timeout 120 docker -H "$docker_host" "$@"; }

# A machine that has all capabilities runs plain runc. The wrapper is copied, so that containers
# can still be removed when this checkout is gone.
write_daemon_config() {
  local runtime='{}' containerd_store=false
  if ! may_grant_sys_resource; then
    install -m 755 "$recipes/files/runc-wrap" "$state/runc-wrap"
    runtime=$(jq -n --arg path "$state/runc-wrap" \
      '{runtimes: {lab: {path: $path}}, "default-runtime": "lab"}')
  fi
  # Said explicitly: which store is the default differs between releases.
  [ "$lab_host" != forky-containerd ] || containerd_store=true
  [ -z "$release" ] || runtime=$(jq --argjson store "$containerd_store" \
    '. + {features: {"containerd-snapshotter": $store}}' <<<"$runtime")
  echo "$runtime" >"$state/daemon.json"
}

may_grant_sys_resource() {
  local bounding
  bounding=$(awk '/^CapBnd:/ { print $2 }' /proc/self/status)
  ((0x$bounding >> 24 & 1))
}

host_down() {
  # A daemon that was killed left processes and containers: the former end by force, the latter
  # are known to a new daemon on the same folder alone.
  local process
  process=$(engine_process)
  if ! runs "$process"; then
    end_orphans
    [ "${1:-}" = --purge ] || [ -z "$(containers)" ] || host_up
  fi
  if runs podman; then
    on_host timeout 120 podman rm -fa -t 0 >/dev/null || true
    on_host timeout 120 podman network prune -f >/dev/null || true
    on_host timeout 120 podman volume prune -f >/dev/null || true
  fi
  if runs dockerd; then
    containers | xargs -r timeout 120 docker -H "$docker_host" rm -fv >/dev/null || true
    lab_docker network prune -f >/dev/null || true
    lab_docker volume prune -f >/dev/null || true
  fi
  stop "$process"
  has_daemon "$lab_host" || stop root
  end_orphans
  unmount_all
  remove_cgroups
  [ ! -e "/run/netns/$namespace" ] || ip netns del "$namespace"
}

# The ids of all containers that this host has made.
containers() {
  local folder=$state/docker/containers
  [ "$engine" != podman ] || folder=$state/podman/overlay-containers
  [ ! -d "$folder" ] || find "$folder" -mindepth 1 -maxdepth 1 -type d -printf '%f\n'
}

# What a killed dockerd leaves: containerd and its shims (podman: its monitors), which are in our network namespace, and
# the containers themselves, whose cgroups carry their ids. Repeated, since a process may fork.
end_orphans() {
  local pids
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    pids=$(orphans)
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086  # one pid a word
    kill -9 $pids 2>/dev/null || true
    sleep 0.2
  done
}

orphans() {
  local ids
  [ ! -e "/run/netns/$namespace" ] || ip netns pids "$namespace"
  ids=$(containers)
  [ -z "$ids" ] || grep -lsF "$ids" /proc/[0-9]*/cgroup | cut -d / -f 3 || true
}

unmount_all() {
  local mount
  awk -v top="$state/" 'index($2, top) == 1 { print $2 }' /proc/self/mounts | sort -r |
    while read -r mount; do umount -l "$mount" || true; done
}

# Empty cgroups stay behind when a container was killed from outside.
remove_cgroups() {
  local id
  for id in $(containers); do
    find /sys/fs/cgroup -depth -type d -path "*$id*" -exec rmdir {} + 2>/dev/null || true
  done
}

# Run a command on the isolated host. It takes the place of this process, so signals reach it.
host_exec() {
  [ $# -gt 0 ] || usage
  [ -e "/run/netns/$namespace" ] || die "the isolated host is not up; run scripts/lab up"
  export DOCKER_HOST=$docker_host PATH=$PATH:$bin
  [ -n "$docker_host" ] || unset DOCKER_HOST
  unset DOCKER_CONTEXT http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
  [ -n "$host_root" ] || exec nsenter --net="/run/netns/$namespace" -- "$@"
  local pid _
  runs "$(host_process)" || die "the isolated host is not up; run scripts/lab up"
  read -r pid _ <"$state/$(host_process).pid"
  exec nsenter --net="/run/netns/$namespace" --mount="/proc/$pid/ns/mnt" --wdns="$PWD" -- "$@"
}
