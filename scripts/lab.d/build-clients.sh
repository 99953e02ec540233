# Programs that read from registries, beside those that Debian has: build_clients FOLDER
# shellcheck shell=bash
crane_version=0.22.1
regctl_version=0.11.7
oras_version=1.3.6
helm_version=3.21.4

build_clients() {
  local out=$1 package
  for package in \
    "github.com/google/go-containerregistry/cmd/crane@v$crane_version" \
    "github.com/regclient/regclient/cmd/regctl@v$regctl_version" \
    "oras.land/oras/cmd/oras@v$oras_version" \
    "helm.sh/helm/v3/cmd/helm@v$helm_version"; do
    GOFLAGS=-mod=mod GOBIN=$out CGO_ENABLED=0 go install -ldflags "-s -w" "$package"
  done
}
