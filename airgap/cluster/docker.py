"""engine: the docker daemon of this host.

The docker package speaks to the daemon; its command line program is needed as well, since kind
calls it, and is asked which daemon is meant (the package knows nothing of contexts).
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airgap.cluster.command import run
from airgap.cluster.node import Node
from airgap.errors import ClusterError, ResourceError

if TYPE_CHECKING:
    import docker

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
ROLE_LABEL = "io.x-k8s.kind.role"
_TIMEOUT = 3600  # seconds; a large image from a slow disk takes long to load


class Engine:
    """A connection to the docker daemon.

    Attributes:
        environment: for programs that have to reach the same daemon.
    """

    def __init__(self, client: "docker.DockerClient", environment: Mapping[str, str]) -> None:
        self._client, self.environment = client, environment

    @classmethod
    def connect(cls, environment: Mapping[str, str]) -> "Engine":
        """Connect to the daemon that the docker program would use.

        Args:
            environment: this process's; DOCKER_HOST and DOCKER_CONTEXT are docker's own.

        Raises:
            ResourceError: docker is not installed, does not answer, or is on another machine.
        """
        import docker

        if not shutil.which("docker", path=environment.get("PATH")):
            raise ResourceError(
                "docker is not on PATH, and kind needs it",
                hint="install docker (the daemon and its command line program)",
            )
        endpoint = environment.get("DOCKER_HOST") or _context_endpoint(environment)
        if not endpoint.startswith(("unix://", "tcp://127.0.0.1:", "tcp://localhost:")):
            raise ResourceError(
                f"the docker daemon at {endpoint} is on another machine: the registry's port"
                " would open there",
                hint="run airgap on that machine, or unset DOCKER_HOST and DOCKER_CONTEXT",
            )
        child = {k: v for k, v in environment.items() if k != "DOCKER_CONTEXT"}
        child["DOCKER_HOST"] = endpoint
        with _translated():
            client = docker.DockerClient(base_url=endpoint, timeout=_TIMEOUT, version="auto")
            client.ping()
        return cls(client, child)

    def info(self) -> dict[str, Any]:
        """Return what ``docker info`` says."""
        with _translated():
            found: dict[str, Any] = self._client.info()
        return found

    def has_image(self, name: str) -> bool:
        """Tell whether an image of that name is loaded."""
        from docker.errors import ImageNotFound

        with _translated():
            try:
                self._client.images.get(name)
            except ImageNotFound:
                return False
        return True

    def load_image(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Load a docker-archive that is produced while it is sent.

        Raises:
            ResourceError: docker has no space left.
            ClusterError: docker refused the image.
        """
        with _translated():
            load: Any = self._client.api.load_image
            for line in load(bytes(chunk) for chunk in chunks) or ():
                said = json.loads(line) if isinstance(line, bytes | str) else line
                if "error" in said:
                    raise _load_error(name, str(said["error"]))

    def remove_image(self, name: str) -> None:
        """Remove an image's name, and the image where it has no other."""
        with _translated():
            self._client.images.remove(name)

    def nodes(self, cluster: str) -> list[Node]:
        """Return the nodes of a kind cluster, the control plane first, running or not."""
        with _translated():
            found = self._client.containers.list(
                all=True, filters={"label": f"{CLUSTER_LABEL}={cluster}"}
            )
            nodes = [
                Node(
                    name=container.name or "",
                    role=container.labels.get(ROLE_LABEL, ""),
                    image=container.attrs["Config"]["Image"],
                    running=container.status == "running",
                    ports=_ports(container.attrs),
                    environment=self.environment,
                )
                for container in found
            ]
        return sorted(nodes, key=lambda node: (node.role != "control-plane", node.name))

    def start(self, node: Node) -> None:
        """Start a stopped node."""
        with _translated():
            self._client.containers.get(node.name).start()

    def remove(self, node: Node) -> None:
        """Remove a node with its volumes, running or not."""
        with _translated():
            self._client.containers.get(node.name).remove(v=True, force=True)

    def clusters(self) -> list[str]:
        """Return the names of all kind clusters."""
        with _translated():
            found = self._client.containers.list(all=True, filters={"label": CLUSTER_LABEL})
            return sorted({container.labels[CLUSTER_LABEL] for container in found})

    def remove_empty_network(self, name: str) -> bool:
        """Remove a network that nothing is connected to; tells whether it was removed."""
        from docker.errors import NotFound

        with _translated():
            try:
                network = self._client.networks.get(name)
            except NotFound:
                return False
            if network.attrs.get("Containers"):
                return False
            network.remove()
            return True


def _ports(attributes: Mapping[str, Any]) -> dict[int, int]:
    """Map a node's TCP ports to those of this host, as they were asked for."""
    bindings = attributes["HostConfig"].get("PortBindings") or {}
    return {
        int(inner.partition("/")[0]): int(outer[0]["HostPort"])
        for inner, outer in bindings.items()
        if inner.endswith("/tcp") and outer and outer[0].get("HostPort", "").isdigit()
    }


def _context_endpoint(environment: Mapping[str, str]) -> str:
    template = "{{.Endpoints.docker.Host}}"
    arguments = ["docker", "context", "inspect", "--format", template]
    try:
        return run(arguments, env=environment, seconds=60).decode().strip()
    except ClusterError as error:
        raise ResourceError(error.message, hint="check docker context ls") from error


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the docker package's errors into ours."""
    import docker.errors
    import requests.exceptions

    try:
        yield
    except docker.errors.DockerException as error:
        text = _one_line(error)
        if "permission denied" in text.lower():
            hint = "run as root, or add yourself to the group docker"
        else:
            hint = "start the docker daemon, then run the same command again"
        raise ResourceError(f"docker: {text}", hint=hint) from error
    except requests.exceptions.RequestException as error:
        raise ResourceError(
            f"the docker daemon broke off: {_one_line(error)}",
            hint="look at its log (journalctl -u docker), then run the same command again",
        ) from error


def _load_error(name: str, text: str) -> Exception:
    if "no space left" in text:
        return ResourceError(
            f"docker has no space left for {name}", hint="free some: docker system df"
        )
    return ClusterError(f"docker refused {name}: {text}", hint="prove the bundle: airgap verify")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
