"""What this room needs of docker, kind and Kubernetes, and how it comes by it.

Everything that decides (adopt, undo, start, remove) is written against these, so that it can be
tried without any of the three.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airgap.cluster.reach import answers
from airgap.errors import ClusterError

if TYPE_CHECKING:
    from airgap.cluster.docker.node import Node
    from airgap.cluster.docker.provider import Provider
    from airgap.cluster.kube.access import Access

Object = dict[str, Any]
_DOCKER_SECONDS, _LEAST_SECONDS = 3.0, 0.1
"""A Kubernetes object."""


class RefusedError(ClusterError):
    """The Kubernetes API answered, and said no.

    Attributes:
        status: of HTTP, such as 403.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, hint="run again with -v to see each step")
        self.status = status


class Engine(Protocol):
    """The docker daemon of this host; every method raises ResourceError where it fails."""

    @property
    def provider(self) -> "Provider":
        """What it is: docker or podman."""

    @property
    def environment(self) -> Mapping[str, str]:
        """For programs that have to reach the same daemon."""

    def info(self) -> dict[str, Any]:
        """Return what ``docker info`` says."""

    def image_id(self, name: str) -> str:
        """Return docker's id of the image of that name, empty where none is loaded."""

    def load_image(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Load a docker-archive that is produced while it is sent; ClusterError if refused."""

    def remove_image(self, name: str) -> bool:
        """Remove an image's name, unless it is missing or in use; tells whether it did."""

    def nodes(self, cluster: str) -> "list[Node]":
        """Return the nodes of a kind cluster, the control plane first, running or not."""

    def clusters(self) -> list[str]:
        """Return the names of all kind clusters."""

    def start(self, node: "Node") -> None:
        """Start a node that is stopped, or go on with one that is paused."""

    def remove(self, node: "Node") -> None:
        """Remove a node with its volumes, running or not; one that is gone is nothing."""

    def remove_volumes(self, cluster: str) -> list[str]:
        """Remove what nodes that are gone left of their volumes; returns their names."""

    def read(self, node: "Node", path: str) -> bytes | None:
        """Return a file of a node, running or not; None where it does not exist."""

    def network(self, name: str) -> bool:
        """Tell whether there is a network of that name."""

    def remove_empty_network(self, name: str) -> bool:
        """Remove a network that nothing is connected to; tells whether it was removed."""


class Kind(Protocol):
    """The kind program."""

    def version(self) -> str:
        """Return what ``kind version`` says, such as ``v0.32.0``."""

    def create(self, name: str, configuration: Mapping[str, Any], folder: Path) -> None:
        """Make a cluster; a failure (ClusterError) leaves its nodes.

        Args:
            name: the cluster.
            configuration: in kind's terms.
            folder: a private folder, for the configuration and the kubeconfig that kind writes.
        """


class Kube(Protocol):
    """The API of one cluster; every method raises ClusterError where it fails."""

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object, None where it does not exist."""

    def list(self, kind: str, namespace: str = "", labels: str = "") -> Sequence[Object]:
        """Return all objects of a kind that have ``labels`` (a label selector)."""

    def apply(self, wanted: Object) -> bool:
        """Apply an object as a whole; tells whether that changed anything."""

    def create(self, wanted: Object) -> None:
        """Make an object."""

    def merge(self, kind: str, name: str, namespace: str, patch: Mapping[str, Any]) -> None:
        """Merge a patch into an object."""

    def delete(self, kind: str, name: str, namespace: str = "", grace: int | None = None) -> bool:
        """Delete an object without waiting for what it leaves; False where it did not exist.

        ``grace`` is how many seconds a pod gets to end, where that is not its own number.
        """


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as it passes, in seconds; handed in, so that tests need not wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def endless() -> float:
    """Return the seconds that are left where nobody counts them."""
    return math.inf


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an answer, in seconds.

    Attributes:
        docker: of the daemon; a large image from a slow disk takes long to load.
        command: of a short command on a node.
        api: of the Kubernetes API, for each request.
        tries: how often a request to the API is sent.
        left: what all commands and requests together have left.
    """

    docker: float = 3600
    command: float = 60
    api: float = 30
    tries: int = 4
    left: Callable[[], float] = endless

    @classmethod
    def within(cls, seconds: float, clock: Clock) -> "Patience":
        """Return that of a look which ends within so many seconds, whatever hangs.

        One question may take all of them: a host under load answers each late, and is well.
        """
        end = clock.now() + seconds
        return cls(
            docker=_DOCKER_SECONDS, command=seconds, api=seconds, tries=1,
            left=lambda: max(end - clock.now(), _LEAST_SECONDS),
        )  # fmt: skip


def _engine(environment: Mapping[str, str], patience: Patience) -> Engine:
    from airgap.cluster.docker.connect import connect

    return connect(environment, patience)


def _kind(binary: Path, environment: Mapping[str, str]) -> Kind:
    from airgap.cluster.kind import KindProgram

    return KindProgram(binary, environment)


def _kube(access: "Access", patience: Patience) -> Kube:
    from airgap.cluster.kube.api import KubeApi

    return KubeApi(access, patience)


@dataclass(frozen=True, slots=True)
class Tools:
    """How docker, kind and Kubernetes are reached, and the clock that waits go by."""

    engine: Callable[[Mapping[str, str], Patience], Engine] = _engine
    kind: Callable[[Path, Mapping[str, str]], Kind] = _kind
    kube: Callable[["Access", Patience], Kube] = _kube
    reach: Callable[[str, int, str, bytes], bool] = answers
    clock: Clock = field(default_factory=Clock)
