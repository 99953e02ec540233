# A second registry server, for the contract that a client relies on: build_olareg FOLDER
# shellcheck shell=bash
olareg_version=0.2.2

# Its module is served by exact version alone, so a module of our own requires just that one.
build_olareg() {
  local out=$1 work
  work=$(mktemp -d)
  (
    cd "$work" || exit
    export GOFLAGS=-mod=mod CGO_ENABLED=0
    go mod init example.test/olareg
    go mod edit -require="github.com/olareg/olareg@v$olareg_version"
    go build -trimpath -ldflags "-s -w" -o "$out/" github.com/olareg/olareg/cmd/olareg
  )
  rm -rf "$work"
}
