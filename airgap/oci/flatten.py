"""flatten: an image without its index, for registries that take no index in part."""

from dataclasses import replace

from airgap.oci.descriptor import Descriptor
from airgap.oci.image import Image
from airgap.oci.manifest import Index, Load, Manifest, parse


def is_sparse(image: Image, load: Load) -> bool:
    """Tell whether an index of the image, at any depth, names manifests that are not carried.

    Raises:
        InputError: an index is invalid.
    """
    carried = {manifest.digest for manifest in image.manifests}
    indexes = (found for found in image.manifests if found.is_index)
    for found in indexes:
        index = parse(load(found), found.media_type, str(image.reference))
        if isinstance(index, Index) and not carried.issuperset(index.by_digest):
            return True
    return False


def flattened(image: Image, load: Load) -> Image:
    """Return a sparse image without its indexes, where one platform of it is carried.

    That one's manifest takes the place of the index, so the digest is another one. Attestations
    do not count as platforms, and stay behind.

    Args:
        image: any; it is returned as it is where it is not sparse, where more than one platform is
            carried, and where it was asked for by digest.
        load: returns the exact, proved bytes of a manifest.

    Raises:
        InputError: an index is invalid.
    """
    found = _only(image)
    if found is None or not is_sparse(image, load):
        return image
    root, manifest = found
    platforms = (root.platform,) if root.platform else image.platforms[:1]
    return replace(image, root=root, manifests=(root,), images=(manifest,), platforms=platforms)


def can_flatten(image: Image) -> bool:
    """Tell whether `flattened` has a manifest that may take the place of the index."""
    return _only(image) is not None


def _only(image: Image) -> tuple[Descriptor, Manifest] | None:
    if not image.root.is_index or image.reference.digest:
        return None
    described = [found for found in image.manifests if not found.is_index]
    found = [
        (descriptor, manifest)
        for descriptor, manifest in zip(described, image.images, strict=True)
        if manifest.is_image and (descriptor.platform is None or descriptor.platform.is_known)
    ]
    return found[0] if len(found) == 1 else None
