"""sparse: the images whose index names what is not carried, which most registries refuse."""

from collections.abc import Iterable, Mapping, Sequence

from airgap.oci.digest import Digest
from airgap.oci.flatten import can_flatten, is_sparse
from airgap.oci.image import Image
from airgap.progress import count

_NAMED = 5


def sparse(images: Iterable[Image], bodies: Mapping[Digest, bytes]) -> list[Image]:
    """Return the images of which an index names manifests that are not carried."""
    return [image for image in images if is_sparse(image, lambda found: bodies[found.digest])]


def told(images: Sequence[Image]) -> str:
    """Say before the crossing what a registry will make of them, and what helps."""
    stay = [image.reference.familiar for image in images if not can_flatten(image)]
    text = (
        f"of {count(len(images), 'image')} not all platforms are carried, and most registries"
        " refuse such an index: --platform all here, for all or before one image in the list,"
        " carries it whole; push --flatten there leaves it out"
    )
    if not stay:
        return text
    more = f" and {len(stay) - _NAMED} more" if len(stay) > _NAMED else ""
    return (
        f"{text}, but not of those that are named by digest or carried for several platforms:"
        f" {', '.join(stay[:_NAMED])}{more}"
    )
