"""What would stop a later step, found before anything is changed, all at once."""

import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airgap.cluster.checks import surroundings
from airgap.cluster.checks.finding import Finding
from airgap.cluster.docker.provider import DOCKER, PODMAN, Provider
from airgap.cluster.parameters import Parameters

__all__ = ["Finding", "Needs", "check"]

_INOTIFY = Path("/proc/sys/fs/inotify")
# What one node's systemd, containerd, kubelet and pods take; kind's known-issues page advises 512
# instances and 524288 watches for several nodes.
_INSTANCES_PER_NODE = 128
_MIN_WATCHES = 65536
_NODE_MEMORY = 2 << 30
_COPIES = 4  # measured: 3.5 times the archive


@dataclass(frozen=True, slots=True)
class Needs:
    """What unpack is going to need.

    Attributes:
        parameters: the cluster's.
        architecture: of the node image, in Go's terms; empty where unknown.
        node_bytes: to be loaded into docker, compressed.
        image_bytes: to be pushed into the registry.
        new_cluster: whether the cluster has to be made.
    """

    parameters: Parameters
    architecture: str
    node_bytes: int
    image_bytes: int
    new_cluster: bool

    @property
    def room(self) -> int:
        """Bytes that docker's folder takes: a node image takes about three times its size."""
        return self.image_bytes + (3 * self.node_bytes if self.new_cluster else 0)


def check(info: dict[str, Any], needs: Needs, provider: Provider = DOCKER) -> list[Finding]:
    """Look at this host.

    Args:
        info: what ``docker info`` says.
        needs: what unpack is going to need.
        provider: who says that.
    """
    findings = [*_space(info, needs, provider)]
    if needs.new_cluster:
        findings += [*_port(needs), *_architecture(info, needs), *_inotify(needs), *_memory(info)]
        of_provider = surroundings.podman if provider is PODMAN else surroundings.docker
        findings += [*_copy(info, needs), *_cgroup(info), *of_provider(info)]
    return findings


def _space(info: dict[str, Any], needs: Needs, provider: Provider) -> Iterator[Finding]:
    """Docker's folder takes the node image unpacked, and the registry."""
    root = str(info.get("DockerRootDir") or "/var/lib/docker")
    try:
        free = shutil.disk_usage(root).free
    except OSError:
        return  # the daemon's folder is not visible from here
    wanted = needs.room
    if free < wanted:
        yield Finding(
            f"{root} has {free // 10**6} MB free, and {wanted // 10**6} MB are needed",
            provider.prune,
        )


def _copy(info: dict[str, Any], needs: Needs) -> Iterator[Finding]:
    """Podman copies an archive that it loads, twice, and unpacks its layers there."""
    folder, wanted = info.get("CopyFolder"), _COPIES * needs.node_bytes
    try:
        free = shutil.disk_usage(str(folder)).free if folder else wanted
    except OSError:
        return
    if free < wanted:
        yield Finding(
            f"{folder} has {free // 10**6} MB free, and podman needs {wanted // 10**6} MB there"
            " while it loads the node image",
            "set TMPDIR to a folder on a larger disk, or image_copy_tmp_dir in containers.conf",
        )


def _port(needs: Needs) -> Iterator[Finding]:
    port = needs.parameters.host_port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return  # a port below 1024: docker publishes it, who may
        except OSError as error:
            yield Finding(
                f"port {port} of 127.0.0.1 is taken: {error.strerror}",
                f"choose another with --host-port, or find its owner: ss -ltnp 'sport = {port}'",
            )


def _architecture(info: dict[str, Any], needs: Needs) -> Iterator[Finding]:
    machine = str(info.get("Architecture") or "")
    host = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    if needs.architecture and host and needs.architecture != host:
        yield Finding(
            f"the bundle's node image is for {needs.architecture}, and this host is {host}",
            f"pack the bundle with --platform linux/{host}",
        )


def _inotify(needs: Needs) -> Iterator[Finding]:
    nodes = 1 + needs.parameters.workers
    instances = max(_INSTANCES_PER_NODE * nodes, 256)
    for name, wanted in (("max_user_instances", instances), ("max_user_watches", _MIN_WATCHES)):
        try:
            found = int((_INOTIFY / name).read_text())
        except (OSError, ValueError):
            continue
        if found < wanted:
            yield Finding(
                f"fs.inotify.{name} is {found}, and {nodes} nodes may need {wanted}",
                f"sysctl fs.inotify.{name}={wanted}",
                fatal=False,
            )


def _memory(info: dict[str, Any]) -> Iterator[Finding]:
    total = int(info.get("MemTotal") or 0)
    if 0 < total < _NODE_MEMORY:
        yield Finding(
            f"this host has {total // 10**6} MB of memory, and a node alone takes about 2 GB",
            "use a host with more memory",
            fatal=False,
        )


def _cgroup(info: dict[str, Any]) -> Iterator[Finding]:
    if str(info.get("CgroupVersion", "2")) == "1":
        yield Finding(
            "this host has cgroup v1, which Kubernetes 1.35 and newer refuse by default",
            "if the node does not start, boot with systemd.unified_cgroup_hierarchy=1",
            fatal=False,
        )
