"""image_keys: which images of a bundle nobody signed whose key is given."""

from collections.abc import Sequence

from airgap.bundle.reader import Bundle
from airgap.errors import TrustError
from airgap.oci.attached import belonging
from airgap.oci.descriptor import Descriptor
from airgap.oci.reference import Reference
from airgap.signatures.cosign import ImageKey, UnsignedError, is_signed


def check_signed(bundle: Bundle, keys: Sequence[ImageKey]) -> None:
    """Ask that one of the keys signed each image; nothing is asked where no key is given.

    Raises:
        InputError: what is attached to an image cannot be read.
        TrustError: lists all images that none of the keys signed.
    """

    def manifest(descriptor: Descriptor) -> bytes:
        return bundle.manifest_bytes(descriptor.digest)

    def read(_: Reference, blob: Descriptor) -> bytes:
        return b"".join(map(bytes, bundle.chunks(blob)))

    attached = belonging(bundle.images) if keys else {}
    unsigned = [
        image.reference.familiar
        for image in bundle.images
        if image.reference in attached
        and not is_signed(image, attached[image.reference], keys, manifest, read)
    ]
    if unsigned:
        error = UnsignedError(keys)
        raise TrustError(f"{', '.join(unsigned)}: {error.message}", hint=error.hint)
