"""The docker daemon of this host, through the docker package; see `airgap.cluster.ports.Engine`.

The package speaks with podman's API as well: `airgap.cluster.docker.podman` says what differs.
"""

import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

from airgap.cluster.docker import endpoint
from airgap.cluster.docker.endpoint import Endpoint
from airgap.cluster.docker.node import Node, State
from airgap.cluster.docker.provider import DOCKER, Provider
from airgap.cluster.docker.translation import load_error, translated
from airgap.cluster.mark import Mark
from airgap.cluster.ports import Patience
from airgap.errors import ClusterError, ResourceError

if TYPE_CHECKING:
    import docker

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
ROLE_LABEL = "io.x-k8s.kind.role"
_NODE_ROLES = ("control-plane", "worker")
_ANY_VERSION = "1.24"  # of the API, until the daemon says which it speaks
_MAX_FILE = 1 << 20


class DockerEngine:
    """A connection to the docker daemon.

    Attributes:
        provider: what runs the containers.
        environment: for programs that have to reach the same daemon.
    """

    provider = DOCKER

    def __init__(
        self, client: "docker.DockerClient", environment: Mapping[str, str], patience: Patience
    ) -> None:
        self._client, self.environment, self._patience = client, environment, patience

    @classmethod
    def connect(cls, environment: Mapping[str, str], patience: Patience) -> Self:
        """Connect to the daemon that the docker program would use.

        Args:
            environment: this process's.
            patience: how long to wait for it.

        Raises:
            ResourceError: docker is not installed, does not answer, or is on another machine.
        """
        if not shutil.which("docker", path=environment.get("PATH")):
            raise ResourceError(
                "docker is not on PATH, and kind needs it",
                hint="install docker (the daemon and its command line program)",
            )
        found = endpoint.find(environment)
        if not found.is_local:
            raise ResourceError(
                f"the docker daemon at {found.address} is on another machine: the registry's port"
                " would open there",
                hint="run airgap on that machine, or unset DOCKER_HOST and DOCKER_CONTEXT",
            )
        endpoint.check_files(found)
        return cls(client(found, patience.docker), found.environment, patience)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    @property
    def is_podman(self) -> bool:
        """Tell whether podman answers in docker's place."""
        with self._translated():
            said = self._client.version().get("Components") or ()
        return any("podman" in str(part.get("Name")).lower() for part in said)

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.provider)

    def info(self) -> dict[str, Any]:
        """Return what ``docker info`` says."""
        with self._translated():
            found: dict[str, Any] = self._client.info()
        return found

    def image_id(self, name: str) -> str:
        """Return docker's id of the image of that name, empty where none is loaded."""
        from docker.errors import NotFound

        with self._translated():
            try:
                return str(self._client.images.get(name).id or "")
            except NotFound:
                return ""

    def load_image(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Load a docker-archive that is produced while it is sent.

        Raises:
            ResourceError: docker has no space left.
            ClusterError: docker refused the image.
        """
        with self._translated():
            load: Any = self._client.api.load_image
            for line in load(bytes(chunk) for chunk in chunks) or ():
                said = json.loads(line) if isinstance(line, bytes | str) else line
                if "error" in said:
                    raise load_error(name, str(said["error"]), self.provider)

    def remove_image(self, name: str) -> bool:
        """Remove an image's name, unless it is missing or in use; tells whether it did."""
        from docker.errors import APIError, NotFound

        with self._translated():
            try:
                self._client.images.remove(name)
            except NotFound:
                return False
            except APIError as error:
                if error.status_code == 409:  # a container uses it
                    return False
                raise
        return True

    def nodes(self, cluster: str) -> list[Node]:
        """Return the nodes of a kind cluster, the control plane first, running or not.

        kind's load balancer has the cluster's label too, and is no node.
        """
        with self._translated():
            found = self._client.containers.list(
                all=True, filters={"label": f"{CLUSTER_LABEL}={cluster}"}, ignore_removed=True
            )
            nodes = [
                self._node(container.attrs)
                for container in found
                if container.labels.get(ROLE_LABEL) in _NODE_ROLES
            ]
        return sorted(nodes, key=lambda node: (node.role != "control-plane", node.name))

    def clusters(self) -> list[str]:
        """Return the names of all kind clusters."""
        with self._translated():
            found = self._client.containers.list(
                all=True, filters={"label": CLUSTER_LABEL}, ignore_removed=True
            )
            return sorted({container.labels[CLUSTER_LABEL] for container in found})

    def start(self, node: Node) -> None:
        """Start a node that is stopped, or go on with one that is paused."""
        with self._translated():
            container = self._client.containers.get(node.name)
            if node.state is State.PAUSED:
                container.unpause()
            else:
                container.start()

    def remove(self, node: Node) -> None:
        """Remove a node with its volumes, running or not; one that is gone is nothing."""
        from docker.errors import NotFound

        with self._translated():
            try:
                self._client.containers.get(node.id or node.name).remove(v=True, force=True)
            except NotFound:
                return

    def remove_volumes(self, cluster: str) -> list[str]:
        """Remove nothing: with docker, a node's volumes are anonymous and go with it."""
        return []

    def read(self, node: Node, path: str) -> bytes | None:
        """Return a file of a node, running or not; None where it does not exist."""
        from docker.errors import NotFound

        with self._translated():
            try:
                chunks, facts = self._client.containers.get(node.name).get_archive(path)
            except NotFound:
                return None
            size = (facts or {}).get("size", 0)
            if size > _MAX_FILE:
                raise ClusterError(f"{path} of {node.name} is {size} bytes long")
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
                member = tar.next()
                file = tar.extractfile(member) if member and member.isreg() else None
                return file.read() if file else None

    def network(self, name: str) -> bool:
        """Tell whether there is a network of that name."""
        with self._translated():
            return any(found.name == name for found in self._client.networks.list(names=[name]))

    def remove_empty_network(self, name: str) -> bool:
        """Remove a network that nothing is connected to; tells whether it was removed."""
        from docker.errors import NotFound

        with self._translated():
            try:
                network = self._client.networks.get(name)
            except NotFound:
                return False
            if network.attrs.get("Containers"):
                return False
            network.remove()
            return True

    def _node(self, attributes: Mapping[str, Any]) -> Node:
        labels, host = attributes["Config"]["Labels"], attributes["HostConfig"]
        return Node(
            name=str(attributes["Name"]).lstrip("/"),
            id=str(attributes["Id"]),
            role=labels.get(ROLE_LABEL, ""),
            image=attributes["Config"]["Image"],
            image_id=str(attributes.get("Image") or ""),
            state=State.of(attributes["State"]["Status"]),
            ports=_ports(host),
            address=_address(attributes.get("NetworkSettings") or {}),
            mark=Mark.of_binds(host.get("Binds") or ()),
            program=self.provider.name,
            environment=self.environment,
            seconds=self._patience.command,
            left=self._patience.left,
        )


def client(found: Endpoint, seconds: float, provider: Provider = DOCKER) -> "docker.DockerClient":
    """Connect, asking no proxy: the daemon is on this host.

    Raises:
        ResourceError: it does not answer.
    """
    import docker
    from docker.tls import TLSConfig

    settings: dict[str, Any] = {"base_url": found.address, "timeout": seconds}
    if found.tls is not None:
        cert, key = found.file("cert.pem"), found.file("key.pem")
        settings["tls"] = TLSConfig(
            client_cert=(cert, key) if cert and key else None,
            ca_cert=found.file("ca.pem"),
            verify=found.verify,
        )
    with translated(provider):
        with docker.APIClient(version=_ANY_VERSION, **settings) as asking:
            asking.trust_env = False
            answer = asking.get(f"{asking.base_url}/version", timeout=seconds)
            answer.raise_for_status()
            version = answer.json()["ApiVersion"]
        made = docker.DockerClient(version=version, **settings)
        made.api.trust_env = False
        try:
            made.ping()
        except BaseException:
            made.close()
            raise
        return made


def _ports(host: Mapping[str, Any]) -> dict[int, int]:
    """Map a node's TCP ports to those of this host, as they were asked for."""
    bindings = host.get("PortBindings") or {}
    return {
        int(inner.partition("/")[0]): int(outer[0]["HostPort"])
        for inner, outer in bindings.items()
        if inner.endswith("/tcp") and outer and outer[0].get("HostPort", "").isdigit()
    }


def _address(settings: Mapping[str, Any]) -> str:
    """Return a node's own address, its IPv4 one first."""
    networks = list((settings.get("Networks") or {}).values())
    found = [n.get(key) for key in ("IPAddress", "GlobalIPv6Address") for n in networks]
    return next((str(address) for address in found if address), "")
