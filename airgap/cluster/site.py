"""Site: a cluster as it is found on this host, for unpack and upkeep alike.

Needs docker alone: the isolated host has no kind program of its own, since the bundle carried it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from airgap.cluster import mark, mirrors
from airgap.cluster.docker.node import Node
from airgap.cluster.doors.login import Login
from airgap.cluster.kube import ready
from airgap.cluster.kube.access import Access
from airgap.cluster.objects import landed as records
from airgap.cluster.objects.landed import Landed
from airgap.cluster.parameters import NAMESPACE
from airgap.cluster.ports import Engine, Kube, Patience, Tools
from airgap.errors import AirgapError, ClusterError

_ADMIN = "/etc/kubernetes/admin.conf"
_API_PORT = 6443


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster on this host.

    Attributes:
        engine: the docker daemon.
        name: the cluster's.
        nodes: its nodes, the control plane first; at least one.
        tools: how its API is reached.
        patience: how long to wait for answers.
    """

    engine: Engine
    name: str
    nodes: Sequence[Node]
    tools: Tools
    patience: Patience

    @classmethod
    def look(
        cls, engine: Engine, name: str, tools: Tools, patience: Patience | None = None
    ) -> Self | None:
        """Look for a cluster; None where there is none of that name."""
        nodes = engine.nodes(name)
        return cls(engine, name, nodes, tools, patience or Patience()) if nodes else None

    @classmethod
    def find(
        cls, engine: Engine, name: str, tools: Tools, patience: Patience | None = None
    ) -> Self:
        """Find a cluster.

        Raises:
            ClusterError: there is none of that name.
        """
        found = cls.look(engine, name, tools, patience)
        if found is None:
            others = ", ".join(engine.clusters()) or "none"
            raise ClusterError(
                f"there is no kind cluster {name} on this host (there is: {others})",
                hint="name one with --cluster-name, or make one: airgap unpack BUNDLE.tar",
            )
        return found

    def again(self) -> Self:
        """Look at the nodes anew."""
        return replace(self, nodes=self.engine.nodes(self.name) or self.nodes)

    @property
    def control_plane(self) -> Node:
        """The node on which the registry runs."""
        return self.nodes[0]

    @property
    def resting(self) -> list[Node]:
        """The nodes that do not run."""
        return [node for node in self.nodes if not node.running]

    def why_silent(self) -> AirgapError | None:
        """Say why nobody answers at the control plane's ports; None where it runs."""
        try:
            for node in self.engine.nodes(self.name):
                if node.name == self.control_plane.name and node.running:
                    return None
        except AirgapError as error:
            return error
        return ClusterError(
            f"{self.control_plane.name} does not run any more: it was stopped, or is gone",
            hint=f"find out who stopped it ({self.engine.provider.name} events), then run the same"
            " command again",
        )

    @property
    def is_finished(self) -> bool:
        """Tell whether airgap saw kind finish the cluster."""
        return self.engine.read(self.control_plane, mark.FINISHED) is not None

    @property
    def is_ours(self) -> bool:
        """Tell whether airgap made the cluster: this release's mark, or that of one before."""
        return self.control_plane.mark is not None or self.is_finished

    @property
    def is_half_made(self) -> bool:
        """Tell whether a run of airgap ended while it made the cluster."""
        return self.control_plane.mark is not None and not self.is_finished

    def access(self) -> Access:
        """Return how the cluster's API is reached; its nodes need not run.

        Raises:
            ClusterError: the cluster was never finished.
        """
        admin = self.engine.read(self.control_plane, _ADMIN)
        port = self.control_plane.ports.get(_API_PORT)
        if admin is None or port is None:
            raise ClusterError(
                f"the cluster {self.name} was not finished",
                hint="airgap unpack BUNDLE.tar makes it again"
                if self.is_ours
                else f"it is not airgap's; this removes it: kind delete cluster --name {self.name}",
            )
        return Access.of_admin_conf(admin, port)

    def kube(self) -> Kube:
        """Return the cluster's API.

        Raises:
            ClusterError: the cluster was never finished.
        """
        return self.tools.kube(self.access(), self.patience)


def landed(kube: Kube) -> list[Landed]:
    """Return the bundles that were unpacked, the newest serial last.

    Their registry has two doors, whatever release recorded them: whoever is here gives it both.

    Raises:
        InputError: a record cannot be read.
    """
    former = ready.config_map(kube, records.FORMER, NAMESPACE)
    found = {entry.digest: entry for entry in map(Landed.of_entry, former, former.values())}
    for each in kube.list("ConfigMap", NAMESPACE, records.SELECTOR):
        entry = Landed.of_object(each)
        found[entry.digest] = entry
    doored = (replace(each, parameters=each.parameters.with_doors) for each in found.values())
    return sorted(doored, key=lambda bundle: (bundle.serial or 0, bundle.digest))


def trusted_files(
    site: Site, bundles: Sequence[Landed], secret: Mapping[str, bytes]
) -> Mapping[str, bytes]:
    """Return what every node's containerd needs for all bundles that landed.

    Args:
        site: the cluster.
        bundles: at least one.
        secret: the registry's.
    """
    hosts = {host for bundle in bundles for host in bundle.hosts}
    parameters = bundles[-1].parameters
    port = site.control_plane.ports.get(parameters.node_port, parameters.host_port)
    names = [node.name for node in site.nodes]
    return mirrors.files(sorted(hosts), parameters, names, port, Login.for_reading(secret))
