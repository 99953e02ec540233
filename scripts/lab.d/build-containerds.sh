# Other releases of containerd than the lab's own, for nodes that are joined to it:
# build_containerds FOLDER. A folder for each, called after it.
# shellcheck shell=bash
containerd_17_version=1.7.35
containerd_21_version=2.1.9

build_containerds() {
  local out=$1
  mkdir "$out/1.6"
  # Debian 12's own is 1.6; it runs in the node, which is Debian 12 as well.
  /usr/bin/containerd --version | grep -q ' 1\.6\.'
  cp /usr/bin/{containerd,ctr,containerd-shim-runc-v2} "$out/1.6/"
  build_containerd "$out/1.7" github.com/containerd/containerd "$containerd_17_version"
  build_containerd "$out/2.1" github.com/containerd/containerd/v2 "$containerd_21_version"
}

# Their go.mod exclude versions, so they are built in a module of our own.
build_containerd() {
  local out=$1 module=$2 version=$3 work
  work=$(mktemp -d)
  (
    cd "$work" || exit
    export GOFLAGS=-mod=mod CGO_ENABLED=0
    go mod init example.test/containerd
    go mod edit -require="$module@v$version"
    go build -trimpath -ldflags "-s -w -X $module/version.Version=$version" \
      -tags no_btrfs,no_devmapper,no_zfs,no_aufs -o "$out/" \
      "$module"/cmd/{containerd,ctr,containerd-shim-runc-v2}
  )
  rm -rf "$work"
}
