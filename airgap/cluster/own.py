"""What runs in a cluster, held against what bundles brought: a name proves nothing.

docker and containerd say which content a container was made from: docker by the image's id, which
is a digest of its config or of its manifest, containerd by that of its config. A digest in the
container's status comes from a name that somebody with root on the node may have given away.
"""

from collections.abc import Collection, Mapping, Sequence

from airgap.cluster.docker.node import Node
from airgap.cluster.kube import ready
from airgap.cluster.objects.landed import Landed
from airgap.cluster.objects.registry import APP
from airgap.cluster.parameters import NAMESPACE, REPOSITORY
from airgap.cluster.ports import Clock, Kube, Object
from airgap.cluster.site import Site

_SECONDS = 300


def foreign_nodes(site: Site, bundles: Sequence[Landed]) -> list[str]:
    """Say which nodes of airgap's making run another image than a bundle's."""
    known = {digest for bundle in bundles for digest in bundle.node_ids}
    if not known:  # a release before recorded none
        return []
    return [
        f"{node.name} runs {node.image_id[:19]}, which is the node image of no bundle that landed"
        for node in site.nodes
        # docker may know one image by two ids, that of an index and that of what runs.
        if node.mark and known.isdisjoint((node.image_id, site.engine.image_id(node.image_id)))
    ]


def foreign_registry(site: Site, kube: Kube, bundles: Sequence[Landed]) -> list[str]:
    """Say which containers of the registry run another image than a bundle's.

    Also where the node's containerd has another one under the name that they are started by.
    """
    known = {digest for bundle in bundles for digest in bundle.registry_ids}
    if not known:
        return []
    said = [
        f"the container {name} of the registry runs {image}, which no bundle brought"
        for name, image in _running(site.control_plane, kube)
        if image.rpartition("@")[2] not in known
    ]
    deployment = kube.get("Deployment", "registry", NAMESPACE)
    for image in sorted(_images(deployment)):
        repository, _, digest = image.partition("@")
        node = site.control_plane
        if digest not in known or repository != REPOSITORY:
            said.append(f"the registry is to run {image}, which no bundle brought")
        elif not node.has_image(image, digest):
            said.append(f"{node.name} does not have {digest[:19]} as {image.partition('@')[0]}")
    return said


def end_foreign(node: Node, kube: Kube, known: Collection[str], clock: Clock) -> list[str]:
    """End the registry's pods that run another image than one of ``known``; returns their names.

    ``node`` is where the registry runs.

    Such a one need not ever be ready, so nothing is waited for but that it is gone.

    Raises:
        ClusterError: one is there still.
    """
    ended: list[str] = []
    if not known:
        return ended
    made_from = node.containers(NAMESPACE)
    for pod in kube.list("Pod", NAMESPACE, _selector()):
        if "deletionTimestamp" in pod["metadata"]:
            continue
        found = _containers(pod, made_from)
        if any(image.rpartition("@")[2] not in known for _, image in found):
            ended.append(str(pod["metadata"]["name"]))
            kube.delete("Pod", ended[-1], NAMESPACE)
    if ended:
        ready.wait_gone(kube, ended, NAMESPACE, _SECONDS, clock)
    return ended


def _running(node: Node, kube: Kube) -> list[tuple[str, str]]:
    made_from = node.containers(NAMESPACE)
    found = kube.list("Pod", NAMESPACE, _selector())
    return [container for pod in found for container in _containers(pod, made_from)]


def _containers(pod: Object, made_from: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
    """Return the containers of a pod that run, by name, and what each was made from.

    That is what the node says, and what Kubernetes says for one that runs on another node.
    """
    name, statuses = pod["metadata"]["name"], pod.get("status", {}).get("containerStatuses") or []
    running = [each for each in statuses if each.get("imageID")]
    return [(e["name"], made_from.get((name, e["name"]), e["imageID"])) for e in running]


def _images(deployment: Object | None) -> set[str]:
    if deployment is None:
        return set()
    return {each["image"] for each in deployment["spec"]["template"]["spec"]["containers"]}


def _selector() -> str:
    return ",".join(f"{key}={value}" for key, value in APP.items())
