"""upkeep: status, up, trust and teardown of a cluster that exists."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airgap.certificates.prove import expiry
from airgap.cluster import host_trust as host
from airgap.cluster import mirrors as trust
from airgap.cluster.docker import Engine
from airgap.cluster.kube import Kube
from airgap.cluster.parameters import NAMESPACE
from airgap.cluster.site import Landed, Site, forget_kubeconfig, landed, trusted_files
from airgap.errors import AirgapError, ClusterError
from airgap.progress import Progress, count

_API_SECONDS = 300
_REGISTRY_SECONDS = 300
_EXPIRY_DAYS = 60
_NETWORK = "kind"


@dataclass
class NodeStatus:
    """One node: whether it runs, is ready, and trusts the registry."""

    name: str
    running: bool
    ready: bool = False
    trusts: bool = False


@dataclass
class Status:
    """A cluster as it is.

    Attributes:
        registry: where it answers, empty where it does not.
        ca_ends: when the registry's certificate ends.
        free_bytes: free where the registry keeps its content.
        problems: what is not as it should be, one sentence each.
    """

    cluster: str
    nodes: list[NodeStatus]
    registry: str = ""
    ca_ends: datetime | None = None
    bundles: list[Landed] = field(default_factory=list)
    free_bytes: int | None = None
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the status as ``status --json`` prints it."""
        references = sorted({text for bundle in self.bundles for text in bundle.references})
        return {
            "cluster": self.cluster,
            "nodes": [vars(node) for node in self.nodes],
            "registry": self.registry or None,
            "certificate_ends": self.ca_ends.isoformat() if self.ca_ends else None,
            "bundles": [
                {
                    "digest": b.digest,
                    "name": b.name,
                    "serial": b.serial,
                    "images": len(b.references),
                }
                for b in self.bundles
            ],
            "images": references,
            "free_bytes": self.free_bytes,
            "problems": self.problems,
        }


@contextmanager
def site(name: str, environment: Mapping[str, str]) -> Iterator[Site]:
    """Find a cluster on this host.

    Raises:
        ResourceError: docker does not answer.
        ClusterError: there is no such cluster.
    """
    folder = Path(tempfile.mkdtemp(prefix="airgap-"))
    try:
        yield Site(Engine.connect(environment), name, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def status(found: Site) -> Status:
    """Look at a cluster; what cannot be seen becomes a problem, not an error."""
    result = Status(found.name, [NodeStatus(node.name, node.running) for node in found.nodes])
    result.problems += [f"{node.name} does not run: airgap up" for node in found.stopped]
    try:
        if found.control_plane.running:
            _look_inside(found, found.kube(), result)
    except AirgapError as error:
        result.problems.append(error.message)
    return result


def _look_inside(found: Site, kube: Kube, result: Status) -> None:
    ready = kube.nodes()
    result.free_bytes = found.control_plane.free_space()
    result.bundles = landed(kube)
    secret = kube.secret("registry", NAMESPACE)
    if not secret or not result.bundles:
        result.problems.append("no bundle has landed here: airgap unpack BUNDLE.tar")
        return
    files = trusted_files(found, result.bundles)
    for node, told in zip(found.nodes, result.nodes, strict=True):
        told.ready = ready.get(node.name, False)
        told.trusts = node.running and not trust.missing(node, files, secret["ca.crt"])
        if not told.ready:
            result.problems.append(f"{node.name} is not ready: kubectl describe node {node.name}")
        elif not told.trusts:
            result.problems.append(f"{node.name} does not trust the registry: airgap up")
    _look_at_registry(found, kube, result, secret["tls.crt"])


def _look_at_registry(found: Site, kube: Kube, result: Status, cert_pem: bytes) -> None:
    result.ca_ends = expiry(cert_pem)
    days = (result.ca_ends - datetime.now(UTC)).days
    if days < _EXPIRY_DAYS:
        result.problems.append(f"the registry's certificate ends in {days} days")
    try:
        kube.wait_deployment("registry", NAMESPACE, 0)
    except ClusterError as error:
        result.problems.append(error.message)
        return
    parameters = result.bundles[-1].parameters
    port = found.control_plane.ports.get(parameters.node_port)
    result.registry = f"localhost:{port}" if port else f"port {parameters.node_port} of the nodes"


def up(found: Site, progress: Progress) -> None:
    """Bring a cluster back after a reboot: nodes, API, registry, trust; new nodes included.

    Raises:
        ClusterError: something did not come back in time.
    """
    progress.step("Start the nodes")
    started = found.start()
    progress.note(", ".join(node.name for node in started) or "they run already")
    progress.step("Wait for the API and the nodes")
    kube = found.kube()
    kube.wait_nodes(len(found.nodes), _API_SECONDS)
    progress.note(f"{count(len(found.nodes), 'node')} ready")
    bundles = landed(kube)
    secret = kube.secret("registry", NAMESPACE)
    if not bundles or not secret:
        raise ClusterError(
            f"no bundle has landed in the cluster {found.name}",
            hint="airgap unpack BUNDLE.tar",
        )
    progress.step("Make every node trust the registry")
    files = trusted_files(found, bundles)
    for node in found.nodes:
        written = trust.trust_node(node, files, secret["ca.crt"])
        outcome = f"{count(written, 'file')} written" if written else "it does already"
        progress.note(f"{node.name}: {outcome}")
    progress.step("Wait for the registry")
    kube.wait_deployment("registry", NAMESPACE, _REGISTRY_SECONDS)
    progress.note("it is ready")


def host_trust(found: Site) -> host.HostTrust:
    """Return what this host needs to use the registry with docker.

    Raises:
        ClusterError: no registry of airgap's runs in the cluster.
    """
    kube = found.kube()
    secret, bundles = kube.secret("registry", NAMESPACE), landed(kube)
    if not secret or not bundles:
        raise ClusterError(
            f"the cluster {found.name} has no registry of airgap's",
            hint="airgap unpack BUNDLE.tar",
        )
    node_port = bundles[-1].parameters.node_port
    port = found.control_plane.ports.get(node_port, node_port)
    return host.of_cluster(found.name, port, secret["ca.crt"])


def teardown(found: Site, kubeconfigs: list[Path], progress: Progress) -> list[str]:
    """Remove what airgap made for a cluster, and nothing else; returns what was removed."""
    removed = []
    images = {node.image for node in found.nodes if node.image.startswith("airgap/node:")}
    removed += host.undo(found.name)
    for node in found.nodes:
        found.engine.remove(node)
        removed.append(f"node {node.name}")
    for path in kubeconfigs:
        if forget_kubeconfig(path, found.name):
            removed.append(f"kind-{found.name} in {path}")
    if not found.engine.clusters():
        for image in sorted(images):
            found.engine.remove_image(image)
            removed.append(f"image {image}")
        if found.engine.remove_empty_network(_NETWORK):
            removed.append(f"network {_NETWORK}")
    for text in removed:
        progress.note(text)
    return removed
