# Roots of the isolated host: other releases of Debian, with the docker that each has.
# shellcheck shell=bash

# host_release NAME : the release that a host runs, empty for this machine's own system.
host_release() {
  case $1 in
    machine) ;;
    trixie) echo trixie ;;
    forky | forky-containerd) echo forky ;;
    *) die "there is no host $1: machine, trixie, forky, forky-containerd" ;;
  esac
}

# build_host RELEASE FOLDER. An older debootstrap has no script of its own for a newer release; sid's fits.
build_host() {
  local script=
  [ -e "/usr/share/debootstrap/scripts/$1" ] || script=sid
  mkdir -p "$2/root"
  # shellcheck disable=SC2086  # no script is no argument
  debootstrap --variant=minbase --include="docker.io,docker-cli,containerd,runc,iptables,nftables,\
iproute2,kmod,procps,jq,ca-certificates,openssl,curl" "$1" "$2/root" "$(debian_mirror)" $script
  slim "$2/root"
}
