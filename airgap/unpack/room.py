"""The registry's store: as large as the cluster says, and no larger."""

from collections.abc import Sequence
from dataclasses import replace

from airgap.bundle.reader import Bundle
from airgap.cluster.objects.landed import Landed
from airgap.cluster.parameters import Parameters
from airgap.cluster.store import Content
from airgap.errors import ResourceError
from airgap.oci.descriptor import Descriptor, unique

_GIB = 1 << 30


def limited(
    bundle: Bundle, parameters: Parameters, before: Sequence[Landed], asked: int | None
) -> Parameters:
    """Choose how much the store may take: what is asked for, else what it was before.

    A new one takes at least twice the bundle's images.
    """
    enough = -(-2 * sum(blob.size for blob in _blobs(bundle)) // _GIB)
    usual = max((each.parameters.storage for each in before), default=0)
    return replace(parameters, storage=asked or usual or max(parameters.storage, enough))


def check(there: Content, bundle: Bundle, parameters: Parameters) -> None:
    """Check that a bundle's images fit into the store.

    Raises:
        ResourceError: they do not.
    """
    more = sum(blob.size for blob in _blobs(bundle) if str(blob.digest) not in there.blobs)
    if more and there.size + more > parameters.storage * _GIB:
        raise ResourceError(
            f"the registry's store of {parameters.storage} GiB has {there.size // 10**6} MB, and"
            f" {more // 10**6} MB more do not fit",
            hint="--storage GIB lets it take more, where the disk has room",
        )


def _blobs(bundle: Bundle) -> Sequence[Descriptor]:
    return list(unique(blob for image in bundle.images for blob in image.blobs))
