#!/usr/bin/env bash
# enter-root.sh ROOT STATE CACHE CHECKOUT COMMAND... : become a command on another root.
#
# A plain chroot is not enough: docker remounts /. In a mount namespace of one's own the root is
# pivoted; the kernel's file systems, /tmp and the folders that the lab shares come along. What is
# written to the root itself lands in a copy that ends with the namespace.
set -euo pipefail
root=$1 state=$2 cache=$3 checkout=$4
shift 4

top=$state/root
mkdir -p "$top"
mount -t tmpfs -o size=512m none "$top"
mkdir "$top/upper" "$top/work" "$top/merged"
new=$top/merged
mount -t overlay -o "lowerdir=$root,upperdir=$top/upper,workdir=$top/work" overlay "$new"
for folder in /proc /sys /dev; do
  mount --rbind "$folder" "$new$folder"
done
for folder in /tmp "$state" "$cache" "$checkout"; do
  mkdir -p "$new$folder"
  mount --bind "$folder" "$new$folder"
done
mount -t tmpfs tmpfs "$new/run"
: >>"$new/etc/hosts"
grep -q localhost "$new/etc/hosts" || echo "127.0.0.1 localhost" >>"$new/etc/hosts"
mkdir -p "$new/old"
cd "$new"
pivot_root . old
umount -l /old
rmdir /old 2>/dev/null || true
exec "$@"
