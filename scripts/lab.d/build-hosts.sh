# Roots of the isolated host: other releases of Debian, with the docker or the podman that each has.
# shellcheck shell=bash

# host_release NAME : the release that a host runs, empty for this machine's own system.
host_release() {
  case $1 in
    machine) ;;
    trixie) echo trixie ;;
    forky | forky-containerd | podman-forky) echo forky ;;
    podman-bookworm) echo bookworm ;;
    *) die "there is no host $1: machine, trixie, forky, forky-containerd, podman-bookworm, podman-forky" ;;
  esac
}

# host_engine NAME : the program that runs a host's containers.
host_engine() {
  case $1 in
    podman-*) echo podman ;;
    *) echo docker ;;
  esac
}

# build_host ENGINE RELEASE FOLDER. An older debootstrap has no script of its own for a newer
# release; sid's fits.
build_host() {
  local script= packages
  case $1 in
    docker) packages=docker.io,docker-cli,containerd,runc,iptables ;;
    podman) packages=podman,netavark,aardvark-dns,runc,iptables ;;
  esac
  [ -e "/usr/share/debootstrap/scripts/$2" ] || script=sid
  mkdir -p "$3/root"
  # shellcheck disable=SC2086  # no script is no argument
  debootstrap --variant=minbase --include="$packages,nftables,iproute2,kmod,procps,jq,\
ca-certificates,openssl,curl" "$2" "$3/root" "$(debian_mirror)" $script
  slim "$3/root"
  [ -z "$(find "$3/root/usr/bin" -name 'python3*')" ] # that none is there is what it is for
}
