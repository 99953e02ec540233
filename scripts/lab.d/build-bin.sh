# Programs from Go modules: build_bin FOLDER
# shellcheck shell=bash
build_bin() {
  local out=$1
  export GOFLAGS=-mod=mod GOBIN=$out CGO_ENABLED=0
  local small="-s -w"
  go install "sigs.k8s.io/kind@v$kind_version"
  go install -trimpath -ldflags "$small" \
    "github.com/distribution/distribution/v3/cmd/registry@v$distribution_version"
  go install -trimpath -ldflags "$small" -tags no_btrfs,no_devmapper,no_zfs \
    "github.com/containerd/containerd/v2/cmd/containerd@v$containerd_version" \
    "github.com/containerd/containerd/v2/cmd/ctr@v$containerd_version" \
    "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@v$containerd_version"
  build_kubernetes "$out"
}

# k8s.io/kubernetes cannot be installed by version: its staging modules stand as v0.0.0. A module of
# our own replaces each of them by its published twin. Without the -X flags kubeadm refuses to work.
build_kubernetes() {
  local out=$1 work commands=() name gomod flags
  work=$(mktemp -d)
  local v=$kubernetes_version
  gomod=$(cd "$work" && go mod download -json "k8s.io/kubernetes@v$v" | jq -r .GoMod)
  for name in kubeadm kubelet kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubectl; do
    commands+=("k8s.io/kubernetes/cmd/$name")
  done
  flags="-s -w -X k8s.io/client-go/pkg/version.gitVersion=v$v"
  for name in "gitVersion=v$v" gitMajor=1 gitMinor="$(cut -d. -f2 <<<"$v")" gitTreeState=clean; do
    flags+=" -X k8s.io/component-base/version.$name"
  done
  (
    cd "$work" || exit
    go mod init example.test/kubernetes
    go mod edit -go=1.24.0 -require="k8s.io/kubernetes@v$v" -godebug=default=go1.24
    awk '$2 == "v0.0.0" { print $1 }' "$gomod" | while read -r name; do
      go mod edit -replace="$name=$name@v0.${v#1.}"
    done
    go get "${commands[@]/%/@v$v}" go.etcd.io/etcd/server/v3
    go build -trimpath -ldflags "$flags" -o "$out/" "${commands[@]}"
    go build -trimpath -ldflags "-s -w" -o "$out/etcd" go.etcd.io/etcd/server/v3
  )
  rm -rf "$work"
}
