# The images of the lab as OCI layouts, and the node image: build_images FOLDER
# shellcheck shell=bash

mk() { python3 "$recipes/mkimage.py" "$@"; }

build_images() {
  local out=$1 work
  work=$out/work
  mkdir "$work"
  build_cluster_images "$work"
  build_node "$out" "$work"
  build_upstream_images "$out" "$work"
  rm -rf "$work"
}

# What kubeadm starts: preloaded in the node, served by nobody.
build_cluster_images() {
  local work=$1 name etcd
  for name in apiserver controller-manager scheduler; do
    mk "$work/kube-$name" "registry.k8s.io/kube-$name:v$kubernetes_version" \
      "$bin/kube-$name=/usr/local/bin/kube-$name"
  done
  etcd=$("$bin/kubeadm" config images list --kubernetes-version "v$kubernetes_version" 2>/dev/null | grep /etcd:)
  mk "$work/etcd" "$etcd" "$bin/etcd=/usr/local/bin/etcd"
  gcc -static -Os -s -o "$work/pause.bin" "$recipes/files/pause.c"
  mk "$work/pause" "$pause_image" "$work/pause.bin=/pause" --entrypoint /pause
  mk "$work/kube-proxy" "registry.k8s.io/kube-proxy:v$kubernetes_version" --base "$tools/root.tar" \
    "$bin/kube-proxy=/usr/local/bin/kube-proxy"
  mk "$work/cni-lite" docker.io/library/cni-lite:1 --base "$tools/root.tar" \
    "$bin/kubectl=/usr/local/bin/kubectl" "$recipes/files/cni-lite=/usr/local/bin/cni-lite"
}

# The node image by kind's contract: entrypoint, /kind/version, manifests, images preloaded.
build_node() {
  local out=$1 work=$2 root=$2/node-root file=$recipes/files unit
  cp -a "$rootfs/root" "$root"
  mkdir -p "$root"/{opt/cni,kind/manifests,etc/kubernetes/manifests,etc/containerd,etc/cni/net.d,var/lib/kubelet}
  ln -s /usr/lib/cni "$root/opt/cni/bin"
  install -m755 "$file/node-entrypoint" "$root/usr/local/bin/entrypoint"
  install -m755 "$bin"/{kubeadm,kubelet,kubectl} "$root/usr/bin/"
  install -m755 "$bin"/{containerd,ctr,containerd-shim-runc-v2} "$root/usr/local/bin/"
  install -m644 "$file/containerd.toml" "$root/etc/containerd/config.toml"
  install -m644 "$file"/{containerd,kubelet}.service "$root/etc/systemd/system/"
  install -m644 "$file"/default-{cni,storage}.yaml "$root/kind/manifests/"
  echo 'KUBELET_EXTRA_ARGS=--runtime-cgroups=/system.slice/containerd.service' >"$root/etc/default/kubelet"
  echo "v$kubernetes_version" >"$root/kind/version"
  echo 'ReadKMsg=no' >>"$root/etc/systemd/journald.conf"
  find "$root/etc/systemd/system" "$root"/lib/systemd/system/*.wants -name '*.timer' -delete
  for unit in containerd kubelet; do systemctl --root="$root" enable $unit.service; done
  systemctl --root="$root" mask systemd-binfmt.service systemd-udevd.service systemd-logind.service \
    getty.target systemd-timesyncd.service console-getty.service
  systemctl --root="$root" set-default multi-user.target
  preload "$root" "$work"
  tar --numeric-owner --xattrs --sort=name -C "$root" -cf "$work/node.tar" .
  mk "$out/node" "docker.io/$node_reference" --base "$work/node.tar" --env container=docker \
    --entrypoint /usr/local/bin/entrypoint --entrypoint /sbin/init --stop-signal SIGRTMIN+3
}

# Import images with the very containerd that the node runs, into the node's own folder.
preload() {
  local root=$1 work=$2 name pid socket=$2/containerd.sock
  cat >"$work/containerd.toml" <<TOML
version = 2
root = "$root/var/lib/containerd"
state = "$work/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$socket"
[ttrpc]
  address = "$socket.ttrpc"
TOML
  "$bin/containerd" --config "$work/containerd.toml" >"$work/containerd.log" 2>&1 &
  pid=$!
  # shellcheck disable=SC2064  # the pid is to be filled in now
  trap "kill $pid" EXIT
  for _ in $(seq 100); do [ -S "$socket" ] && break; sleep 0.1; done
  for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy etcd pause cni-lite; do
    tar -C "$work/$name" -cf - . | "$bin/ctr" -a "$socket" -n k8s.io images import --no-unpack \
      --label io.cri-containerd.pinned=pinned -
  done
  kill $pid
  trap - EXIT
  wait $pid || true
  rm -rf "$root/var/lib/containerd/tmpmounts"
}

# What the upstream registries serve.
build_upstream_images() {
  local out=$1 work=$2 file=$recipes/files arch applets
  mk "$out/registry" "docker.io/library/registry:$distribution_version" \
    "$bin/registry=/bin/registry" /bin/busybox=/bin/busybox \
    "$file/registry-entrypoint.sh=/entrypoint.sh" \
    "$file/registry-config.yml=/etc/distribution/config.yml" --link /bin/sh=busybox \
    --env OTEL_TRACES_EXPORTER=none --entrypoint /entrypoint.sh --cmd /etc/distribution/config.yml
  mk "$out/nginx" docker.io/library/nginx:1.22 --base "$tools/root.tar" \
    --entrypoint /usr/sbin/nginx --entrypoint=-g --entrypoint='daemon off;'
  /bin/busybox --list | sed '/^busybox$/d; s,.*,--link=/bin/&=busybox,' >"$work/applets"
  mapfile -t applets <"$work/applets"
  mk "$out/busybox" docker.io/library/busybox:1.36 /bin/busybox=/bin/busybox "${applets[@]}" \
    --cmd /bin/sleep --cmd 86400
  for arch in amd64 arm64; do
    (cd "$work" && GO111MODULE=off CGO_ENABLED=0 GOARCH=$arch go build -trimpath \
      -ldflags "-s -w -buildid=" -o "hello-$arch" "$file/hello.go")
    mk "$work/app-$arch" "quay.io/org/app:1.0" --arch $arch "$work/hello-$arch=/hello" --entrypoint /hello
  done
  mk --index "$out/app" quay.io/org/app:1.0 "$work/app-amd64" "$work/app-arm64"
  mk "$out/extra" quay.io/org/extra:2.0 "$work/hello-amd64=/hello" --env EXTRA=1 --entrypoint /hello
}
