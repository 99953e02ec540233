#!/usr/bin/env bash
# podman-host.sh STATE : be the isolated host on which podman alone runs containers: write what an
# administrator would have written, then stay, so that the mount namespace stays.
#
# runc and cgroupfs: no systemd runs here, and crun refuses a hybrid hierarchy. The limits: 4.3 asks
# for more than a sandbox's hard ones.
set -euo pipefail
state=$1
mkdir -p /etc/containers /lib/modules "$state/podman" "$state/tmp"
cat >/etc/containers/containers.conf <<EOF
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
image_copy_tmp_dir = "$state/tmp"
[network]
network_backend = "netavark"
EOF
cat >/etc/containers/storage.conf <<EOF
[storage]
driver = "overlay"
graphroot = "$state/podman"
runroot = "/run/containers/storage"
EOF
touch /run/podman-host # the root is pivoted, and all is written
exec sleep infinity
