# What imports into containerd as k3s does, and asks it as a kubelet does: build_importer FOLDER
# shellcheck shell=bash disable=SC2154  # $recipes, versions: set by scripts/lab
build_importer() {
  local out=$1 work
  work=$(mktemp -d)
  cp "$recipes/importer.go" "$work/main.go"
  (
    cd "$work" || exit
    export GOFLAGS=-mod=mod CGO_ENABLED=0
    go mod init example.test/importer
    go mod edit -require="github.com/containerd/containerd/v2@v$containerd_version" \
      -require="k8s.io/cri-api@v0.${kubernetes_version#1.}"
    go mod tidy
    go build -trimpath -ldflags "-s -w" -o "$out/importer" .
  )
  rm -rf "$work"
}
