"""verify, for an OCI layout: all content that its images name is hashed."""

from dataclasses import dataclass

from airgap.progress import Progress
from airgap.sources.layout import Layout


@dataclass(frozen=True, slots=True)
class Verified:
    """What was proved.

    Attributes:
        images: that the layout names.
        blobs: content that they name, manifests included, each counted once.
        size: of it, in bytes.
    """

    images: int
    blobs: int
    size: int


def verify(layout: Layout, progress: Progress) -> Verified:
    """Prove all content of a layout; its manifests are proved as they are read.

    Raises:
        InputError: something is missing, or not what its digest says.
        ResourceError: the medium cannot be read.
    """
    images = layout.images
    manifests = {one.digest: one.size for image in images for one in image.manifests}
    blobs = {blob.digest: blob for image in images for blob in image.blobs}
    size = sum(blob.size for blob in blobs.values())
    progress.start("verify", size)
    try:
        for blob in blobs.values():
            for chunk in layout.chunks(blob):
                progress.advance(len(chunk))
    finally:
        progress.finish()
    count = len(blobs.keys() | manifests.keys())
    return Verified(len(images), count, size + sum(manifests.values()))
