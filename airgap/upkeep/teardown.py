"""teardown: remove what airgap made for a cluster, and nothing else.

A cluster that airgap made goes as a whole. One that it did not make stays, and loses what airgap
put into it. Each part is tried, whatever becomes of the others; what is left is told at the end,
and a second teardown finds it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec

from airgap.cluster import host_trust, kubeconfig, mirrors
from airgap.cluster.docker.node import Node
from airgap.cluster.docker.registry_login import Docker
from airgap.cluster.objects import landed as records
from airgap.cluster.objects.labels import is_ours
from airgap.cluster.objects.registry import STORAGE_PATH
from airgap.cluster.parameters import NAMESPACE, REPOSITORY
from airgap.cluster.ports import Clock, Engine, Kube
from airgap.cluster.site import Site
from airgap.errors import AirgapError, ClusterError
from airgap.progress import Progress
from airgap.upkeep.trust import withdraw

_NODE_IMAGES = ("airgap/node:", "localhost/airgap/node:")


_P = ParamSpec("_P")


@dataclass(frozen=True, slots=True)
class Own:
    """The files of this host that may speak of a cluster.

    Attributes:
        kubeconfigs: where kubectl looks.
        hosts: where names get addresses.
        certs: where docker looks for CAs.
        docker: may be logged in at the registry.
    """

    kubeconfigs: Sequence[Path] = ()
    hosts: Path = host_trust.HOSTS
    certs: Path = host_trust.CERTS_D
    docker: Docker = field(default_factory=Docker)


@dataclass
class Outcome:
    """What became of a teardown.

    Attributes:
        removed: what is gone.
        kept: what stays since it is not airgap's.
        left: what could not be removed, and why.
    """

    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def attempt(
        self, what: str, remove: Callable[_P, Iterable[str]], *args: _P.args, **kwargs: _P.kwargs
    ) -> None:
        """Remove something; a failure is noted, and the next thing is tried."""
        try:
            self.removed += remove(*args, **kwargs)
        except AirgapError as error:
            self.left.append(f"{what}: {error.message}")


def question(site: Site) -> str:
    """Return what a person is asked before."""
    if site.is_ours:
        names = ", ".join(node.name for node in site.nodes)
        return f"Remove {names} and all content of the registry?"
    return (
        f"The cluster {site.name} is not of airgap's making and stays. Remove airgap's part:"
        f" namespace {NAMESPACE} with all content of the registry, and the nodes' mirrors?"
    )


def teardown(
    engine: Engine, name: str, site: Site | None, own: Own, progress: Progress, clock: Clock
) -> Outcome:
    """Remove what airgap made for a cluster.

    Args:
        engine: the docker daemon.
        name: the cluster's.
        site: the cluster; None where it is gone.
        own: the files of this host that may speak of it.
        progress: is told what is removed and what stays.
        clock: what waits go by.

    Raises:
        ClusterError: something is left; names all of it.
    """
    outcome, authority = Outcome(), _authority(site)
    for path in own.kubeconfigs:
        outcome.attempt(str(path), _forget, path, name, authority, clock)
        if kubeconfig.is_foreign(path, name):
            outcome.kept.append(f"kind-{name} in {path}: airgap did not write it")
    outcome.attempt(str(own.hosts), withdraw, name, own.docker, own.hosts, own.certs)
    if site and site.is_ours:
        _remove_cluster(engine, site, outcome)
    elif site:
        _take_out(site, outcome)
    else:
        outcome.attempt(f"volumes of {name}", _remove_volumes, engine, name)
    for text in outcome.removed:
        progress.note(text)
    for text in outcome.kept:
        progress.note(f"left as it is: {text}")
    if outcome.left:
        raise ClusterError(
            "\n".join([f"some of what airgap made for {name} is left", *outcome.left]),
            hint="mend that, and run airgap teardown again: it finds the rest",
        )
    return outcome


def _authority(site: Site | None) -> bytes | None:
    """Return the CA of a cluster of ours, by which its entries in a kubeconfig are known."""
    try:
        return site.access().ca_pem if site and site.is_ours else None
    except AirgapError:
        return None


def _forget(path: Path, name: str, authority: bytes | None, clock: Clock) -> list[str]:
    known = kubeconfig.forget(path, name, authority, clock)
    return [f"kind-{name} in {path}"] if known else []


def _remove_cluster(engine: Engine, site: Site, outcome: Outcome) -> None:
    """Remove the nodes, the control plane last: what is left is then known as ours still."""
    images = {node.image for node in site.nodes if node.image.startswith(_NODE_IMAGES)}
    for node in reversed(site.nodes):
        outcome.attempt(f"node {node.name}", _remove_node, engine, node)
    if engine.nodes(site.name):
        return
    outcome.attempt(f"volumes of {site.name}", _remove_volumes, engine, site.name)
    for image in sorted(images):
        outcome.attempt(f"image {image}", _remove_image, engine, image)
    network = engine.provider.network_of(engine.environment)
    mark = site.control_plane.mark
    if mark and mark.network:
        outcome.attempt(f"network {network}", _remove_network, engine, network)
    elif engine.network(network):
        outcome.kept.append(f"the {engine.provider.name} network {network}: it was there before")


def _remove_node(engine: Engine, node: Node) -> list[str]:
    engine.remove(node)
    return [f"node {node.name}"]


def _remove_volumes(engine: Engine, cluster: str) -> list[str]:
    return [f"volume {name}" for name in engine.remove_volumes(cluster)]


def _remove_image(engine: Engine, image: str) -> list[str]:
    return [f"image {image}"] if engine.remove_image(image) else []


def _remove_network(engine: Engine, network: str) -> list[str]:
    return [f"network {network}"] if engine.remove_empty_network(network) else []


def _take_out(site: Site, outcome: Outcome) -> None:
    """Take airgap's part out of a cluster that it did not make."""
    outcome.kept.append(f"the cluster {site.name}: airgap did not make it")
    try:
        kube = site.kube()
    except AirgapError as error:
        outcome.left.append(f"the registry in {site.name}: {error.message}")
        return
    for kind, name, namespace in (
        ("ConfigMap", records.HOSTING, records.HOSTING_NAMESPACE),
        ("Namespace", NAMESPACE, ""),
        ("PersistentVolume", "registry", ""),
    ):
        outcome.attempt(f"{kind} {name}", _delete, kube, kind, name, namespace)
    for node in site.nodes:
        outcome.attempt(f"mirrors on {node.name}", _untrust, node)
    outcome.attempt(f"content on {site.control_plane.name}", _remove_content, site.control_plane)


def _delete(kube: Kube, kind: str, name: str, namespace: str) -> list[str]:
    found = kube.get(kind, name, namespace)
    if found is None or not is_ours(found):
        return []
    kube.delete(kind, name, namespace)
    return [f"{kind} {name}"]


def _untrust(node: Node) -> list[str]:
    return [f"the registry's mirrors on {node.name}"] if mirrors.undo(node) else []


def _remove_content(node: Node) -> list[str]:
    found = [f"the registry's content on {node.name}"] if node.remove_folder(STORAGE_PATH) else []
    return found + [f"image {name} on {node.name}" for name in node.remove_images(REPOSITORY)]
