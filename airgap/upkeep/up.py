"""up: bring a cluster back after a reboot: nodes, API, registry, trust; new nodes included."""

from pathlib import Path

from airgap.cluster import kubeconfig, mirrors
from airgap.cluster.doors import deploy
from airgap.cluster.doors.login import Login
from airgap.cluster.kube import ready
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Kube
from airgap.cluster.site import Site, landed, trusted_files
from airgap.errors import ClusterError, ResourceError
from airgap.progress import Progress, count

_API_SECONDS = 300


def up(site: Site, progress: Progress, *, forget_lost: bool = False) -> Site:
    """Bring a cluster back; returns it as it is then.

    Args:
        site: the cluster.
        progress: is told each step.
        forget_lost: take workers out of the cluster whose containers are gone.

    Raises:
        ClusterError: something did not come back in time.
        ResourceError: docker does not start a node; carries its words.
    """
    progress.step("Start the nodes")
    started = site.resting
    for node in started:
        site.engine.start(node)
    progress.note(", ".join(node.name for node in started) or "they run already")
    site = site.again()
    progress.step("Wait for the API and the nodes")
    kube = site.kube()
    _wait_api(site, kube)
    _look_for_lost(site, kube, progress, forget=forget_lost)
    ready.wait_nodes(kube, len(site.nodes), _API_SECONDS, site.tools.clock)
    progress.note(f"{count(len(site.nodes), 'node')} ready")
    parameters, guarded = _trust(site, kube, progress)
    progress.step("Wait for the registry")
    if deploy.take_over(site, kube, parameters, guarded=guarded):
        progress.note("it asks for a password now where it takes content")
    deploy.wait(site, kube, parameters, changed=bool(started))
    progress.note("it is ready")
    return site


def write_access(site: Site, path: Path, progress: Progress) -> None:
    """Write the cluster's access into a kubeconfig.

    Raises:
        ResourceError: it cannot be written, or has another cluster of that name.
    """
    if not kubeconfig.add(path, site.name, site.access(), site.tools.clock, ours=site.is_ours):
        raise ResourceError(
            f"{path} has a context kind-{site.name} that is not this cluster's",
            hint="name another file with --kubeconfig",
        )
    progress.note(f"context kind-{site.name} is in {path}")


def _wait_api(site: Site, kube: Kube) -> None:
    def state() -> str:
        try:
            kube.list("Node")
        except ClusterError as error:
            return error.message
        return ""

    look = f"{site.engine.provider.name} logs {site.control_plane.name}"
    ready.wait("the Kubernetes API", state, _API_SECONDS, look, site.tools.clock)


def _look_for_lost(site: Site, kube: Kube, progress: Progress, *, forget: bool) -> None:
    """Nodes without a container never come back: waiting for them would be in vain."""
    lost = sorted(ready.nodes(kube).keys() - {node.name for node in site.nodes})
    if lost and not forget:
        raise ClusterError(
            f"the containers of {', '.join(lost)} are gone",
            hint=f"airgap up --cluster-name {site.name} --forget-lost gives them up",
        )
    for name in lost:
        kube.delete("Node", name)
        progress.note(f"{name} is no longer a node of the cluster")


def _trust(site: Site, kube: Kube, progress: Progress) -> tuple[Parameters, bool]:
    """Make every node trust the registry; tells on what that depends, and whether it is guarded."""
    bundles = landed(kube)
    secret = ready.secret(kube, "registry", NAMESPACE)
    if not bundles or not secret:
        raise ClusterError(
            f"no bundle has landed in the cluster {site.name}",
            hint="airgap unpack BUNDLE.tar",
        )
    progress.step("Make every node trust the registry")
    files = trusted_files(site, bundles, secret)
    for node in site.nodes:
        written = mirrors.trust_node(node, files, secret["ca.crt"])
        outcome = f"{count(written, 'file')} written" if written else "it does already"
        progress.note(f"{node.name}: {outcome}")
    return bundles[-1].parameters, Login.for_reading(secret) is not None
