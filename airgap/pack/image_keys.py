"""image_keys: which images nobody signed whose key was given, told before a layer is fetched."""

from collections.abc import Mapping

from airgap.errors import AirgapError
from airgap.oci.descriptor import Descriptor
from airgap.oci.image import Image
from airgap.oci.reference import Reference
from airgap.pack import small
from airgap.pack.lookup import Found
from airgap.pack.request import Request
from airgap.signatures.cosign import UnsignedError, is_signed
from airgap.transfer.ports import Source
from airgap.transfer.stop import Stop
from airgap.transfer.workers import each


def unsigned(
    request: Request, found: Found, source: Source, stop: Stop
) -> Mapping[Reference, AirgapError]:
    """Return the images that were asked for and that none of the request's keys signed, and why.

    What only the cluster itself needs is not asked: others make and sign that.
    """

    def check(image: Image) -> None:
        if not is_signed(image, found.attached.get(image.reference, ()), keys, manifest, read):
            raise UnsignedError(keys)

    def manifest(descriptor: Descriptor) -> bytes:
        return found.bodies[descriptor.digest]

    def read(reference: Reference, blob: Descriptor) -> bytes:
        return small.read(source, request.reuse, reference, blob)

    keys = request.image_keys
    images = [found.images[r] for r in request.images if r in found.images] if keys else []
    return {image.reference: error for image, error in each(check, images, stop).failed}
