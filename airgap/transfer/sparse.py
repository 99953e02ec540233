"""sparse: why a registry refused an index of which not all is carried, and what helps."""

from airgap.errors import AirgapError, InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.flatten import can_flatten, is_sparse
from airgap.oci.image import Image
from airgap.transfer.ports import Store
from airgap.transfer.report import answer_of

_REFUSALS = (400, 404, 422)
"""Registries say it with many codes: MANIFEST_BLOB_UNKNOWN, MANIFEST_UNKNOWN, MANIFEST_INVALID."""
_OTHERWISE = (
    "pack it with --platform all, or let the registry accept it"
    " (registry:3, validation.manifests.indexes.platforms: none)"
)


def explained(
    error: AirgapError, image: Image, index: Descriptor, store: Store
) -> InputError | None:
    """Return the error to tell where a registry refused an index for what it lacks, else None.

    Args:
        error: what the registry said.
        image: whose index it is.
        index: what was refused.
        store: has the image's manifests.
    """
    status, _ = answer_of(error)
    if not index.is_index or status not in _REFUSALS:
        return None
    if not is_sparse(image, lambda found: store.manifest_bytes(found.digest)):
        return None
    return InputError(
        f"the registry takes no index without all its platforms: {error.message}",
        hint=_hint(image),
    )


def _hint(image: Image) -> str:
    if can_flatten(image):
        return f"push with --flatten, {_OTHERWISE}"
    if image.reference.digest:
        return f"{_OTHERWISE}; --flatten would change the digest that it is asked for by"
    return f"{_OTHERWISE}; --flatten is for images of which one platform is carried"
