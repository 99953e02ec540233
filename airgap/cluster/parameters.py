"""Parameters: all that the manifests of the registry and of the kind cluster depend on.

They travel in the bundle's airgap.json, so they are read like any foreign input.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from airgap.cluster.doors.door import READ_PORT
from airgap.errors import InputError
from airgap.oci.digest import Digest, shown

NAMESPACE = "registry"
REPOSITORY = "docker.io/airgap/registry"
"""What the registry image is called in the node."""
SERVICE_NAME = "registry.registry.svc"
# A node is called NAME-control-plane, and its hostname label has at most 63 characters.
_CLUSTER = re.compile(
    r"(?=.{1,49}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
)
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_MAX_WORKERS = 99
_NODE_PORTS = range(30000, 32768)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What unpack renders manifests from.

    Attributes:
        node_digest: digest of the kind node image, ``sha256:…``.
        registry_digest: digest of the registry image.
        cluster_name: the kind cluster.
        workers: number of worker nodes.
        host_port: where the registry's writing door answers on 127.0.0.1 of the host.
        node_port: where that answers on every node.
        read_port: where the reading door answers on every node; 0 in bundles of releases whose
            registry had one door.
        storage: size of the registry's volume, in GiB; a folder in the node, so no hard limit.
        hosts: further names of the registry's certificate.
    """

    node_digest: str
    registry_digest: str
    cluster_name: str = "kind"
    workers: int = 0
    host_port: int = 30443
    node_port: int = 30443
    storage: int = 100
    hosts: tuple[str, ...] = ()
    read_port: int = 0

    def __post_init__(self) -> None:
        Digest.parse(self.node_digest)
        Digest.parse(self.registry_digest)
        _require("cluster_name", _CLUSTER.fullmatch(self.cluster_name), self.cluster_name)
        _require("workers", 0 <= self.workers <= _MAX_WORKERS, self.workers)
        _require("host_port", 0 < self.host_port < 65536, self.host_port)
        _require("node_port", self.node_port in _NODE_PORTS, self.node_port)
        is_read_port = self.read_port in _NODE_PORTS and self.read_port != self.node_port
        _require("read_port", self.read_port == 0 or is_read_port, self.read_port)
        _require("storage", 0 < self.storage <= 1 << 20, self.storage)
        for host in self.hosts:
            _require("hosts", _is_host(host), host)

    @property
    def with_doors(self) -> Self:
        """The same for a registry with two doors, as every cluster gets it now."""
        return self if self.read_port else replace(self, read_port=READ_PORT)

    @property
    def control_plane(self) -> str:
        """The node on which the registry runs, as kind names it."""
        return f"{self.cluster_name}-control-plane"

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes, as kind names them: NAME-worker, NAME-worker2, …."""
        numbers = ["", *map(str, range(2, self.workers + 1))][: self.workers]
        return (self.control_plane, *(f"{self.cluster_name}-worker{n}" for n in numbers))

    @property
    def names(self) -> tuple[str, ...]:
        """All names and addresses under which the registry is reached."""
        own = (*self.nodes, "localhost", "127.0.0.1", "::1", SERVICE_NAME)
        return tuple(dict.fromkeys((*own, *self.hosts)))

    @property
    def node_image(self) -> str:
        """The docker tag of the node image.

        kind and docker look only for the name: one made of the digest is never an old image.
        """
        return f"airgap/node:sha256-{Digest.parse(self.node_digest).short}"

    @property
    def registry_image(self) -> str:
        """The name of the registry image in the node: a digest, which nobody can move."""
        return f"{REPOSITORY}@{self.registry_digest}"

    def to_json(self) -> dict[str, Any]:
        """Return the parameters as the JSON object that stands in airgap.json."""
        return asdict(self) | {"hosts": list(self.hosts)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read the parameters of a bundle; unknown ones are ignored.

        Raises:
            InputError: one is missing or invalid, naming it.
        """
        found: dict[str, Any] = {}
        for field in fields(cls):
            if field.name in value:
                found[field.name] = _typed(field.name, value[field.name])
        missing = {"node_digest", "registry_digest"} - found.keys()
        if missing:
            raise InputError(f"airgap.json: parameters lack {', '.join(sorted(missing))}")
        return cls(**found)


_NUMBERS = ("workers", "host_port", "node_port", "read_port", "storage")


def _typed(name: str, value: object) -> object:
    if name == "hosts":
        texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
        _require(name, texts == value, value)
        return tuple(texts)
    _require(name, type(value) is (int if name in _NUMBERS else str), value)
    return value


def _require(name: str, holds: object, value: object) -> None:
    if not holds:
        raise InputError(f"the cluster parameter {name} cannot be {shown(value)}")


def _is_host(host: str) -> bool:
    try:
        # A scope (fe80::1%eth0) means something on one machine only: no certificate holds it.
        return "%" not in host and bool(ipaddress.ip_address(host))
    except ValueError:
        return bool(_HOST.fullmatch(host)) and len(host) <= 253
