"""What is noted at the end, and the pods that prove it.

By then every image is there: nothing here undoes anything.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from airgap.bundle.reader import Bundle
from airgap.cluster.docker.node import Node
from airgap.cluster.kube import ready
from airgap.cluster.kube.smoke import smoke_pod
from airgap.cluster.objects import landed as records
from airgap.cluster.objects.labels import is_ours
from airgap.cluster.objects.landed import Landed
from airgap.cluster.parameters import Parameters
from airgap.cluster.ports import Kube, RefusedError
from airgap.cluster.site import Site
from airgap.oci.attached import entries_in
from airgap.oci.image import Image
from airgap.progress import Progress
from airgap.transfer.attached import is_list

_SMOKE_SECONDS = 120


def record(
    kube: Kube,
    bundle: Bundle,
    parameters: Parameters,
    signers: Sequence[str],
    nodes: Sequence[str],
) -> str:
    """Note the bundle in a ConfigMap of its own; returns its name where that changed anything.

    Args:
        kube: the cluster.
        bundle: which.
        parameters: the cluster's.
        signers: the keys whose signatures hold.
        nodes: see `node_ids`.
    """
    images = [image for image in bundle.images if not image.attached]
    references = [str(image.reference) for image in images]
    landed = Landed(
        digest=str(bundle.digest),
        name=bundle.table.name,
        serial=bundle.table.serial,
        parameters=parameters,
        hosts=records.hosts(references),
        images=len(references),
        references=tuple(references),
        digests=tuple(str(image.root.digest) for image in images),
        signers=tuple(signers),
        node_ids=tuple(nodes),
        registry_ids=ids(bundle.registry),
        attached=tuple(_attached(bundle)),
    )
    wanted = landed.to_object()
    return str(wanted["metadata"]["name"]) if kube.apply(wanted) else ""


def _attached(bundle: Bundle) -> Iterator[records.Attached]:
    """Return the tags of what is attached; what has none is content that a list holds."""
    for image in bundle.images:
        if not image.attached or not image.reference.tag:
            continue
        name, digest = str(image.reference), image.root.digest
        listed: list[dict[str, Any]] = []
        if is_list(image):
            listed = entries_in(bundle.manifest_bytes(digest), name)
        yield records.Attached(name, str(digest), tuple(str(one["digest"]) for one in listed))


def another_node(site: Site, bundle: Bundle, parameters: Parameters) -> bool:
    """Tell whether a bundle brings another node image than the one that a cluster was made of."""
    plane = site.control_plane
    same = plane.image.endswith(parameters.node_image) or plane.image_id in ids(bundle.node)
    return bundle.node is not None and not same


def kept(site: Site, kube: Kube, bundle: Bundle, parameters: Parameters) -> str:
    """Say that a cluster stays what it is where a bundle brings another node image, else nothing.

    Args:
        site: the cluster.
        kube: its API.
        bundle: what lands in it.
        parameters: they name the bundle's node image.
    """
    if bundle.node is None or not another_node(site, bundle, parameters):
        return ""
    runs = ready.version(kube, site.control_plane.name)
    return (
        f"it stays as it is{runs and f', with Kubernetes {runs}'}, and the images land in it: the"
        f" bundle's other node image, {bundle.node.reference.familiar.partition('@')[0]}, makes"
        " new clusters alone"
    )


def ids(image: Image | None) -> tuple[str, ...]:
    """Return the digests by which a daemon may know an image: of config, manifest or index."""
    if image is None:
        return ()
    configs = [manifest.config.digest for manifest in image.images]
    manifests = [manifest.digest for manifest in image.manifests]
    return tuple(dict.fromkeys(map(str, [image.root.digest, *manifests, *configs])))


def node_ids(bundle: Bundle, before: Sequence[Landed], made: Sequence[Node]) -> list[str]:
    """Return the ids by which docker may know a bundle's node image.

    Args:
        bundle: carries it.
        before: what landed; its record may know more.
        made: the nodes that this run made of it, and checked: a docker with containerd's store may
            have given the image a manifest of its own.
    """
    known = [each for one in before if one.digest == str(bundle.digest) for each in one.node_ids]
    ran = [node.image_id for node in made if node.image_id]
    return list(dict.fromkeys([*ids(bundle.node), *known, *ran]))


def announce(kube: Kube, endpoint: str, progress: Progress) -> bool:
    """Say where the registry is, unless another one is announced; tells whether that changed."""
    found = kube.get("ConfigMap", records.HOSTING, records.HOSTING_NAMESPACE)
    if found is not None and not is_ours(found):
        progress.warn(
            f"the ConfigMap {records.HOSTING_NAMESPACE}/{records.HOSTING} announces another"
            " registry: it is left as it is"
        )
        return False
    return kube.apply(records.hosting(endpoint))


def smoke(found: Site, kube: Kube, bundle: Bundle, progress: Progress) -> str:
    """Run one image on every node, pulled under its usual name; returns what became of it.

    Raises:
        ClusterError: it could not be pulled, or did not start in time.
    """
    image = next((i for i in bundle.images if i.images and i.images[0].is_image), None)
    if image is None:
        return "no image to run"
    name, clock = str(image.reference), found.tools.clock
    said = []
    for node in found.nodes:
        try:
            outcome = smoke_pod(kube, name, node.name, _SMOKE_SECONDS, clock)
        except RefusedError as error:
            progress.warn(f"no pod could be tried on {node.name}: {error.message}")
            return "the cluster's rules let no pod run; the images are there"
        said.append(f"{node.name}: {outcome}")
    return f"{image.reference.familiar} pulled and started ({', '.join(said)})"
