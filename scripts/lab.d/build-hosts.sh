# Roots of the isolated host: other releases of Debian, with the docker or the podman that each has.
# bullseye's stands for a host that is older than anything airgap was built on; its own docker 20.10.5
# starts no node on a kernel of today, so that this machine's daemon runs beside it.
# shellcheck shell=bash

# host_release NAME : the release that a host runs, empty for this machine's own system.
host_release() {
  case $1 in
    machine) ;;
    bullseye | trixie) echo "$1" ;;
    forky | forky-containerd | podman-forky) echo forky ;;
    podman-bookworm) echo bookworm ;;
    *) die "there is no host $1: machine, bullseye, trixie, forky, forky-containerd, podman-bookworm, podman-forky" ;;
  esac
}

# host_engine NAME : the program that runs a host's containers.
host_engine() {
  case $1 in
    podman-*) echo podman ;;
    *) echo docker ;;
  esac
}

# has_daemon NAME : whether docker's daemon runs on the host's own root.
has_daemon() { [ "$1" != bullseye ]; }

# build_host ENGINE RELEASE FOLDER. An older debootstrap has no script of its own for a newer
# release; sid's fits.
build_host() {
  local script='' packages
  case $1 in
    docker) packages=docker.io,docker-cli,containerd,runc,iptables ;;
    podman) packages=podman,netavark,aardvark-dns,runc,iptables ;;
  esac
  [ "$2" != bullseye ] || packages=docker.io # the program is a part of it there
  [ -e "/usr/share/debootstrap/scripts/$2" ] || script=sid
  mkdir -p "$3/root"
  # shellcheck disable=SC2086  # no script is no argument
  debootstrap --variant=minbase --include="$packages,nftables,iproute2,kmod,procps,jq,\
ca-certificates,openssl,curl" "$2" "$3/root" "$(debian_mirror)" $script
  slim "$3/root"
  [ -z "$(find "$3/root/usr/bin" -name 'python3*')" ] # that none is there is what it is for
}
