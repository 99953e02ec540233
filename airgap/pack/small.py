"""small: reads a config or a signature as a whole, before anything is downloaded."""

from airgap.errors import InputError, NetworkError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.transfer.ports import Source, Store

_ATTEMPTS = 2


def read(source: Source, reuse: Store | None, reference: Reference, blob: Descriptor) -> bytes:
    """Return the proved bytes of a blob, of which the caller has bounded the size.

    Args:
        source: has it.
        reuse: content at hand, which is asked first.
        reference: in whose repository it is.
        blob: which.

    Raises:
        InputError: it is not there.
        NetworkError: the source failed, or what came is other content.
    """
    at_hand = _at_hand(reuse, blob)
    if at_hand is not None:
        return at_hand
    for _ in range(_ATTEMPTS):
        content = bytearray()
        source.fetch(reference, blob, content.extend)
        body = bytes(content)
        if Digest.of(body, blob.digest.algorithm) == blob.digest:
            return body
    raise NetworkError(
        f"{reference.familiar}: what was received is not {blob.digest}",
        hint="something on the way alters content: try without the proxy or mirror",
    )


def _at_hand(reuse: Store | None, blob: Descriptor) -> bytes | None:
    try:
        return b"".join(map(bytes, reuse.chunks(blob))) if reuse else None
    except InputError:
        return None
