"""Bytes that are hashed as they pass; the last piece is held back until the hash holds.

So nobody who copies the pieces can complete content that is not what its digest says.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator

from airgap.errors import InputError
from airgap.oci.digest import Digest


def proved(
    chunks: Iterable[memoryview], size: int, digest: Digest, wrong: Callable[[], InputError]
) -> Iterator[memoryview]:
    """Pass ``size`` bytes on, hashed on the way.

    Args:
        chunks: the bytes, in order; each one's memory may be reused after the next.
        size: how many they must be.
        digest: what they must hash to.
        wrong: makes the error for bytes that are not those of the digest.

    Raises:
        InputError: what ``wrong`` makes, before the last piece is given out.
    """
    running, left, last = hashlib.new(digest.algorithm), size, memoryview(b"")
    for chunk in chunks:
        running.update(chunk)
        left -= len(chunk)
        if left > 0:
            yield chunk
        else:
            last = chunk
            break
    if left or running.hexdigest() != digest.hex:
        raise wrong()
    if last:
        yield last
