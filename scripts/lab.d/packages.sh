# The Debian packages that the lab runs on, and that the tests use as second opinions.
# shellcheck shell=bash

packages=(debootstrap docker.io skopeo podman umoci docker-registry minisign jq iproute2 runc
  busybox-static libarchive-tools apache2-utils curl openssl gcc libc6-dev strace
  exfat-fuse exfatprogs ntfs-3g)

install_packages() {
  local missing=() name
  for name in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "installing ${missing[*]}"
  (
    forbid_daemons
    apt_get update && apt_get install --no-install-recommends "${missing[@]}"
  ) >"$cache/log/apt.log" 2>&1 </dev/null || {
    tail -n 20 "$cache/log/apt.log" >&2
    die "apt-get failed; its log is $cache/log/apt.log"
  }
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 "$@"; }

# Debian starts a daemon when its package is installed, unless this file says no (101); the lab
# starts its own. The file lives as long as the calling subshell.
forbid_daemons() {
  local policy=/usr/sbin/policy-rc.d
  [ -e $policy ] && return 0
  # shellcheck disable=SC2064  # the path is to be filled in now
  trap "rm -f $policy" EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod +x $policy
}
