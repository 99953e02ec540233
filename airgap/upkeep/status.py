"""status: how a cluster and its registry are; what cannot be seen is a problem, not an error.

It answers soon whatever hangs: all questions share the seconds that the whole answer has, and after
the first one that is not answered no more is asked.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airgap.certificates.prove import expiry
from airgap.cluster import kubeconfig, mirrors, own, store
from airgap.cluster.docker.node import Node, State
from airgap.cluster.doors import renewal
from airgap.cluster.kube import ready
from airgap.cluster.objects import comparison
from airgap.cluster.objects.landed import Landed
from airgap.cluster.parameters import NAMESPACE
from airgap.cluster.ports import Kube
from airgap.cluster.site import Site, landed, trusted_files
from airgap.errors import AirgapError, ClusterError
from airgap.progress import count

_EXPIRY_DAYS = 60
_NAMED = 10
_FEW_BYTES = 100 * 10**6
_RESTING = {
    State.STOPPED: "does not run",
    State.PAUSED: "is paused",
    State.RESTARTING: "is restarting again and again: its log tells why",
}


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
        store_bytes: what that takes.
        store_limit: what it may take: unpack brings no more.
        problems: what is not as it should be, one sentence each.
    """

    cluster: str
    nodes: list[NodeStatus]
    registry: str = ""
    ca_ends: datetime | None = None
    bundles: list[Landed] = field(default_factory=list)
    free_bytes: int | None = None
    store_bytes: int | None = None
    store_limit: int | None = None
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
                {"digest": b.digest, "name": b.name, "serial": b.serial, "image_count": b.images}
                for b in self.bundles
            ],
            "images": [{"reference": reference} for reference in references],
            "free_bytes": self.free_bytes,
            "store_bytes": self.store_bytes,
            "store_limit": self.store_limit,
            "problems": self.problems,
        }


def look(site: Site, access_file: Path | None = None, *, deep: bool = False) -> Status:
    """Look at a cluster.

    Args:
        site: the cluster.
        access_file: a kubeconfig that is to have the cluster's access.
        deep: hash all content of the registry.
    """
    up = f"airgap up --cluster-name {site.name}"
    result = Status(site.name, [NodeStatus(node.name, node.running) for node in site.nodes])
    result.problems += [f"{node.name} {_RESTING[node.state]}: {up}" for node in site.resting]
    try:
        if site.control_plane.running:
            _look_inside(site, site.kube(), result)
            _look_at_content(site.control_plane, result, deep=deep)
        if access_file and not kubeconfig.leads_to(access_file, site.name, site.access()):
            result.problems.append(
                f"{access_file} does not lead to the cluster: {up} --kubeconfig {access_file}"
            )
    except AirgapError as error:
        result.problems.append(error.message)
    return result


def _look_inside(site: Site, kube: Kube, result: Status) -> None:
    _look_at_disk(site.control_plane, result)
    are_ready = ready.nodes(kube)
    result.bundles = landed(kube)
    gone = sorted(are_ready.keys() - {node.name for node in site.nodes})
    result.problems += [
        f"{name} is a node of the cluster, and its container is gone:"
        f" airgap up --cluster-name {site.name} --forget-lost"
        for name in gone
    ]
    secret = ready.secret(kube, "registry", NAMESPACE)
    if not secret or not result.bundles:
        result.problems.append("no bundle has landed here: airgap unpack BUNDLE.tar")
        return
    files = trusted_files(site, result.bundles, secret)
    for node, told in zip(site.nodes, result.nodes, strict=True):
        told.ready = are_ready.get(node.name, False)
        if not told.running:
            continue
        told.trusts = not mirrors.missing(node, files, secret["ca.crt"])
        if not told.ready:
            result.problems.append(f"{node.name} is not ready: kubectl describe node {node.name}")
        elif not told.trusts:
            result.problems.append(f"{node.name} does not trust the registry: airgap up")
    result.problems += own.foreign_nodes(site, result.bundles)
    result.problems += [
        f"{said}: airgap unpack of a bundle puts it right"
        for said in own.foreign_registry(site, kube, result.bundles)
    ]
    _look_at_registry(site, kube, result, secret["tls.crt"])
    if renewal.is_under_way(secret):
        result.problems.append(
            "a change of the registry's certificate was begun and has not ended:"
            f" airgap renew --cluster-name {site.name}"
        )


def _look_at_disk(node: Node, result: Status) -> None:
    result.free_bytes = node.free_space()
    if result.free_bytes < _FEW_BYTES:
        result.problems.append(
            f"the registry's disk is full: {result.free_bytes // 10**6} MB are free on"
            f" {node.name}; {node.program} system df tells what takes it"
        )


def _look_at_content(node: Node, result: Status, *, deep: bool) -> None:
    """Compare what landed with what lies on the registry's disk."""
    if not result.bundles:
        return
    there = store.look(node)
    result.store_bytes = there.size
    result.store_limit = max(b.parameters.storage for b in result.bundles) << 30
    if there.size > result.store_limit:
        result.problems.append(
            f"the registry's store has {there.size // 10**6} MB, more than it is to take"
        )
    listed = store.listed(node, comparison.lists(result.bundles, there.tags))
    differing = comparison.differing(result.bundles, there.tags, listed)
    gone = sorted(name for name, digest in differing.items() if not digest)
    moved = sorted(f"{name} ({digest[:19]})" for name, digest in differing.items() if digest)
    changed = store.changed(node, there.blobs) if deep else set()
    for what, names in (
        ("tags that landed are gone", gone),
        ("tags were changed since they landed", moved),
        ("blobs are gone", sorted(f"{d} of {there.linked[d]}" for d in there.lost)),
        ("blobs are not what their digest says", sorted(changed)),
    ):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            result.problems.append(
                f"{what}: {', '.join(names[:_NAMED])}{more}; airgap unpack of their bundle puts"
                " them right"
            )


def _look_at_registry(site: Site, kube: Kube, result: Status, cert_pem: bytes) -> None:
    result.ca_ends = expiry(cert_pem)
    days = (result.ca_ends - datetime.now(UTC)).days
    if days < _EXPIRY_DAYS:
        when = f"ends in {count(days, 'day')}" if days >= 0 else "has expired"
        result.problems.append(
            f"the registry's certificate {when}: airgap renew --cluster-name {site.name}"
        )
    try:
        ready.wait_deployment(kube, "registry", NAMESPACE, 0, site.tools.clock)
    except ClusterError as error:
        result.problems.append(error.message)
        node = site.control_plane.name
        if ready.is_cordoned(kube, node):
            result.problems.append(f"{node} takes no new pods: kubectl uncordon {node}")
        return
    parameters = result.bundles[-1].parameters
    port = site.control_plane.ports.get(parameters.node_port)
    result.registry = f"localhost:{port}" if port else f"port {parameters.node_port} of the nodes"
