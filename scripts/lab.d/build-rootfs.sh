# Root file systems from Debian packages.
# shellcheck shell=bash

slim() {
  local root=$1
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/*.log \
    "$root"/usr/share/{doc,man,locale,info}/*
}

# kubelet and kube-proxy must see one and the same iptables.
use_nft() {
  chroot "$1" update-alternatives --set iptables /usr/sbin/iptables-nft
  chroot "$1" update-alternatives --set ip6tables /usr/sbin/ip6tables-nft
}

# The node: what kind's own image has, from packages.
build_rootfs() {
  debootstrap --variant=minbase --include="systemd,systemd-sysv,bash,ca-certificates,conntrack,\
ethtool,iproute2,iptables,nftables,kmod,mount,util-linux,procps,socat,runc,\
containernetworking-plugins,libseccomp2,jq" "$debian" "$1/root" "$(debian_mirror)"
  use_nft "$1/root"
  slim "$1/root"
}

# The base of the images for kube-proxy, the network plugin and nginx: one layer for all three.
build_tools() {
  debootstrap --variant=minbase --include=iptables,nftables,conntrack,iproute2,kmod,nginx-light \
    "$debian" "$1/root" "$(debian_mirror)"
  use_nft "$1/root"
  slim "$1/root"
  ln -sf /dev/stdout "$1/root/var/log/nginx/access.log"
  ln -sf /dev/stderr "$1/root/var/log/nginx/error.log"
  echo '<h1>nginx in the lab</h1>' >"$1/root/var/www/html/index.html"
  tar --numeric-owner --sort=name --mtime=@0 -C "$1/root" -cf "$1/root.tar" .
  rm -rf "$1/root"
}
