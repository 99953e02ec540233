"""What landed before and is not there any more, or is another: told, and made to land again."""

from collections.abc import Sequence

from airgap.bundle.reader import Bundle
from airgap.cluster import store
from airgap.cluster.docker.node import Node
from airgap.cluster.objects import comparison
from airgap.cluster.objects.landed import Landed
from airgap.oci.image import Image
from airgap.oci.reference import short_repositories
from airgap.progress import Progress, count

_NAMED = 10


def repair(
    node: Node, there: store.Content, bundle: Bundle, before: Sequence[Landed], progress: Progress
) -> None:
    """Take away what is wrong of a bundle's images, so that the push brings the right one.

    Args:
        node: on which the registry runs.
        there: what it has.
        bundle: about to be pushed.
        before: what landed in the cluster.
        progress: is told what was wrong.
    """
    if not there.linked:
        return
    mine = {str(d.digest) for image in bundle.images for d in (*image.manifests, *image.blobs)}
    changed = store.changed(node, mine & there.blobs)
    wrong = changed | (mine & there.lost)
    hurt = [image for image in bundle.images if not wrong.isdisjoint(_content(image))]
    listed = store.listed(node, comparison.lists(before, there.tags))
    moved = _moved(bundle, before, there, listed)
    if wrong:
        _tell(progress, f"{count(len(wrong), 'blob')} of what landed was lost or changed", wrong)
    if moved:
        _tell(progress, f"{count(len(moved), 'tag')} had been changed since it landed", moved)
    if not wrong and not moved:
        return
    short = short_repositories(image.reference for image in bundle.images)
    again = [
        (name, image.reference.tag or "", str(image.root.digest))
        for image in bundle.images
        for name in comparison.names(image.reference, short)
        if image in hurt or f"{name}:{image.reference.tag}" in moved
    ]
    store.forget(node, again, changed)


def _content(image: Image) -> set[str]:
    return {str(found.digest) for found in (*image.manifests, *image.blobs)}


def _moved(
    bundle: Bundle, before: Sequence[Landed], there: store.Content, listed: comparison.Listed
) -> set[str]:
    """Return the tags of this bundle's images that somebody moved since they landed."""
    differing = comparison.differing(before, there.tags, listed)
    landed = comparison.recorded(before)
    short = short_repositories(image.reference for image in bundle.images)
    return {
        f"{name}:{image.reference.tag}"
        for image in bundle.images
        for name in comparison.names(image.reference, short)
        if f"{name}:{image.reference.tag}" in differing
        and str(image.root.digest) in landed[f"{name}:{image.reference.tag}"]
    }


def _tell(progress: Progress, what: str, names: set[str]) -> None:
    shown = sorted(names)[:_NAMED]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    progress.warn(f"{what}: {', '.join(shown)}{more}; put right")
