# Folders and ports of the lab, and its cache; sourced by all its scripts, which set $repo.
# shellcheck shell=bash disable=SC2034  # used by whoever sources this

# shellcheck source=lab.d/versions.sh
. "$repo/scripts/lab.d/versions.sh"

recipes=$repo/scripts/lab.d
cache=${AIRGAP_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/airgap-lab}

# Each host has folders, a network and ports of its own, so one lab runs beside another.
lab_host=${AIRGAP_LAB_HOST:-machine}
case $lab_host in
  machine) own='' port=0 ;;
  *) own=-$lab_host port=$((1 + $(printf %s "$lab_host" | cksum | cut -d ' ' -f 1) % 200)) ;;
esac
state=${AIRGAP_LAB_STATE:-/var/lib/airgap-lab$own}
namespace=${AIRGAP_LAB_NETNS:-airgap-iso$own}
hub=127.0.0.1:${AIRGAP_LAB_HUB_PORT:-$((5080 + port))}
quay=127.0.0.1:${AIRGAP_LAB_QUAY_PORT:-$((5443 + port))}
quay_user=lab
quay_password=lab-password

speaker=lab
# shellcheck source=parts.sh
. "$repo/scripts/parts.sh"

bin=$(part bin versions.sh build-bin.sh)
olareg=$(part olareg build-olareg.sh)
clients=$(part clients build-clients.sh)
cosign=$(part cosign build-cosign.sh)
containerds=$(part containerds build-containerds.sh)
importer=$(part importer versions.sh build-importer.sh importer.go)/importer
rootfs=$(part rootfs versions.sh build-rootfs.sh)
tools=$(part tools versions.sh build-rootfs.sh)
images=$(part images versions.sh build-bin.sh build-rootfs.sh build-images.sh mkimage.py files)
# shellcheck source=lab.d/build-hosts.sh
. "$repo/scripts/lab.d/build-hosts.sh"
release=$(host_release "$lab_host")
engine=$(host_engine "$lab_host")
docker_host=
[ "$engine" = podman ] || docker_host=unix://$state/docker.sock
host_root=
[ -z "$release" ] || host_root=$(part "host-$engine-$release" build-hosts.sh)/root
upstreams=$(part upstreams versions.sh build-bin.sh build-rootfs.sh build-images.sh build-upstreams.sh upstreams.sh mkimage.py files)
