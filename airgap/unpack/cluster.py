"""The cluster: found, taken over, made, and removed again where the run that made it fails."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from airgap.bundle.archives import docker_archive
from airgap.bundle.reader import Bundle
from airgap.cluster import kind as kind_config
from airgap.cluster import kubeconfig, own
from airgap.cluster.docker.node import Node
from airgap.cluster.kube import ready
from airgap.cluster.mark import FINISHED, Mark
from airgap.cluster.objects.labels import is_ours
from airgap.cluster.objects.landed import Landed
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Engine, Kind, Kube, Tools
from airgap.cluster.site import Site
from airgap.errors import AirgapError, ClusterError, InputError
from airgap.oci.image import Image
from airgap.progress import Progress
from airgap.spec import topology
from airgap.transfer.ports import Store
from airgap.unpack.landed import ids
from airgap.unpack.options import Options

_NODES_SECONDS = 300


def usable(found: Site | None, bundle: Bundle, progress: Progress) -> Site | None:
    """Return the cluster that is there, None where one is to be made.

    One that airgap made and that was never finished, since its run was killed, is removed here.

    Raises:
        InputError: one would have to be made, and the bundle holds images only.
        ClusterError: it is somebody else's, and half-made.
    """
    half_made = found is not None and found.is_half_made
    if found is None or half_made:
        check_brings_one(bundle)
    if found is None or not half_made:
        return found
    progress.note(f"the cluster {found.name} was left half-made: it is made again")
    _remove_half_made(found)
    return None


def check_brings_one(bundle: Bundle) -> None:
    """Check that a cluster can be made from a bundle.

    Raises:
        InputError: it holds images only.
    """
    if bundle.node is None:
        raise InputError(
            f"{bundle.path} holds images only: it cannot bring up a cluster",
            hint="name an airgap cluster with --cluster-name, or use airgap push",
        )


def adopted(found: Site, parameters: Parameters) -> Parameters:
    """Take the ports and the workers of a cluster that exists.

    Raises:
        ClusterError: it has several control planes, does not run, or publishes no port here.
    """
    planes = [node.name for node in found.nodes if node.role == "control-plane"]
    if len(planes) > 1:
        raise ClusterError(
            f"the cluster {found.name} has {', '.join(planes)}: {topology.WHY}",
            hint=f"{topology.INSTEAD}; another --cluster-name makes one of its own",
        )
    if found.resting:
        names = ", ".join(f"{node.name} ({node.state.value})" for node in found.resting)
        raise ClusterError(
            f"the cluster {found.name} does not run: {names}",
            hint=f"airgap up --cluster-name {found.name} starts them",
        )
    port = found.control_plane.ports.get(parameters.node_port)
    if port is None:
        raise ClusterError(
            f"the cluster {found.name} does not publish port {parameters.node_port} of"
            f" {found.control_plane.name} on this host",
            hint="choose another --cluster-name, or make the cluster with extraPortMappings",
        )
    return replace(parameters, host_port=port, workers=len(found.nodes) - 1)


def load_node_image(engine: Engine, image: Image, store: Store, name: str) -> tuple[bool, str]:
    """Load the node image, unless that very one is there under the name, which proves nothing.

    Returns whether it had to be loaded, and docker's id of it: the digest of its config, or in
    containerd's store that of a manifest.
    """
    found = engine.image_id(name)
    if found in ids(image):
        return False, found
    engine.load_image(name, docker_archive(store, image, 0, name))
    return True, engine.image_id(name)


def check_nodes(engine: Engine, nodes: Sequence[Node], name: str, image_id: str) -> None:
    """Check that a name still means the image that was loaded, and that nodes of it run that.

    Raises:
        ClusterError: it means another one, or one of them runs another.
    """
    # docker may know one image by two ids, that of an index and that of what runs.
    wrong = [
        node.name
        for node in nodes
        if node.image == name and image_id not in (node.image_id, engine.image_id(node.image_id))
    ]
    if wrong or engine.image_id(name) != image_id:
        raise ClusterError(
            f"{engine.provider.name} has another image as {name} than the one that was loaded"
            + (f", and {', '.join(wrong)} runs it" if wrong else ""),
            hint="somebody gave that name away meanwhile: find out who, then run this again",
        )


@dataclass(frozen=True, slots=True)
class Making:
    """What a run may make, and so may take back.

    Attributes:
        engine: docker or podman.
        tools: for the clock.
        name: the cluster's.
        mark: this run's: what carries it, this run made.
        network: which kind uses.
    """

    engine: Engine
    tools: Tools
    name: str
    mark: Mark
    network: str

    @classmethod
    def begin(cls, engine: Engine, tools: Tools, name: str) -> Self:
        """Begin a run.

        The network is ours where there is none yet, or where nodes of ours say that it was.
        """
        network = engine.provider.network_of(engine.environment)
        ours = not engine.network(network) or any(
            node.mark and node.mark.network
            for cluster in engine.clusters()
            for node in engine.nodes(cluster)
        )
        return cls(engine, tools, name, Mark.new(network=ours), network)


def make(
    kind: Kind, parameters: Parameters, making: Making, patch: Path | None, folder: Path
) -> None:
    """Let kind make the cluster, its nodes marked.

    Raises:
        InputError: the patch does not fit.
        ClusterError: kind failed; what it made is there still.
    """
    found = kind_config.chosen(parameters, patch, making.engine.provider.prefix)
    kind.create(parameters.cluster_name, making.mark.on(found), folder)


def finished(found: Site | None, name: str) -> Site:
    """Note that kind has finished a cluster.

    Raises:
        ClusterError: kind said so, and there is none.
    """
    if found is None:
        raise ClusterError(
            f"kind said that it made the cluster {name}, and there are no nodes of it",
            hint="try another kind with --kind",
        )
    found.control_plane.write_file(FINISHED, b"")
    return found


def check_owner(found: Site, kube: Kube, bundle: Bundle, options: Options) -> None:
    """Refuse a cluster that is not airgap's, unless it was named, and never its namespace.

    Raises:
        ClusterError: says whose it is.
    """
    namespace = kube.get("Namespace", NAMESPACE)
    if namespace and not is_ours(namespace):
        raise ClusterError(
            f"the cluster {found.name} has a namespace {NAMESPACE} that is not airgap's",
            hint="choose another --cluster-name",
        )
    if namespace is None and not found.is_ours and options.cluster_name is None:
        raise ClusterError(
            f"there is a cluster {found.name} that airgap did not make",
            hint=f"--cluster-name {found.name} lands the images in it; with another name a cluster"
            " of its own is made",
        )
    if namespace is None and bundle.registry is None:
        raise ClusterError(
            f"the cluster {found.name} has no registry of airgap's, and this bundle carries none",
            hint="unpack a bundle that was packed without --images-only first",
        )


def check_running(found: Site, before: Sequence[Landed]) -> None:
    """Check that nodes run what bundles brought.

    Raises:
        ClusterError: one runs something else: it is a privileged container.
    """
    if foreign := own.foreign_nodes(found, before):
        raise ClusterError(
            "\n".join(foreign),
            hint=f"find out who started it; airgap teardown --cluster-name {found.name} removes it,"
            " and unpack makes the cluster again",
        )


def wait_for(found: Site, kube: Kube) -> None:
    """Wait for the nodes of a cluster that exists."""
    ready.wait_nodes(kube, len(found.nodes), _NODES_SECONDS, found.tools.clock)


def warn_of(found: Site, progress: Progress) -> None:
    """Warn of nodes with a known hole."""
    for node in found.nodes:
        if warning := node.containerd_warning():
            progress.warn(warning)


def write_access(found: Site, path: Path | None, progress: Progress) -> Path | None:
    """Write the cluster's access into a kubeconfig; returns the file where it was written."""
    if path is None:
        return None
    try:
        if kubeconfig.add(path, found.name, found.access(), found.tools.clock, ours=found.is_ours):
            return path
        progress.warn(
            f"{path} has a context kind-{found.name} that is not this cluster's: it is left as it"
            " is; --kubeconfig FILE writes the access elsewhere"
        )
    except AirgapError as error:
        progress.warn(f"{error.message}; {error.hint}")
    return None


@contextmanager
def removed_on_failure(
    making: Making, access_file: Path | None, options: Options, progress: Progress
) -> Iterator[None]:
    """Remove the cluster if this very run made it, where the block fails.

    Args:
        making: what this run may have made.
        access_file: the kubeconfig that may have got the cluster's access.
        options: may ask to keep the cluster.
        progress: is told what is removed.
    """
    try:
        yield
    except BaseException:
        try:
            _undo(making, access_file, options, progress)
        except AirgapError as error:
            progress.warn(f"that failed: {error.message}")
        raise


def _undo(making: Making, access_file: Path | None, options: Options, progress: Progress) -> None:
    made = [node for node in making.engine.nodes(making.name) if node.mark == making.mark]
    if not made:
        return
    if options.retain:
        progress.warn(f"the cluster {making.name} is kept, as asked for with --retain")
        return
    progress.warn(f"the cluster {making.name} that this run made is removed")
    for node in made:
        making.engine.remove(node)
    making.engine.remove_volumes(making.name)
    if making.mark.network:
        making.engine.remove_empty_network(making.network)
    if access_file is not None:
        kubeconfig.forget(access_file, making.name, None, making.tools.clock)


def _remove_half_made(found: Site) -> None:
    strange = [node.name for node in found.nodes if node.mark is None]
    if strange:
        raise ClusterError(
            f"the cluster {found.name} is half-made, and airgap did not make {', '.join(strange)}",
            hint=f"this removes it: kind delete cluster --name {found.name}",
        )
    for node in found.nodes:
        found.engine.remove(node)
