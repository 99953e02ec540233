"""Sending: the bytes of a blob, proved once, then as the kernel sends them.

A blob that is sent whole for the first time is hashed meanwhile, and the last bytes of a wrong
one are withheld: no client completes it. Once proved it stays so while its file is the same. A
part proves nothing; the digest of the whole is the client's to check.
"""

import os
from collections.abc import Iterator
from typing import Protocol

from airgap.errors import InputError
from airgap.files.failures import guarded
from airgap.oci.digest import Digest
from airgap.oci.proof import proved
from airgap.serve.answer import Part
from airgap.serve.line import PIECE, Line
from airgap.transfer.ports import Place, Placed, Store

_SMALL = 64 << 10
_Identity = tuple[int, ...]


class Shelf(Store, Placed, Protocol):
    """A store whose blobs lie in files as they are."""


class Sender:
    """Sends blobs. Thread-safe.

    Args:
        store: where they are.
    """

    def __init__(self, store: Shelf) -> None:
        self._store = store
        self._proved: dict[Digest, _Identity] = {}

    def send(self, line: Line, head: bytes, part: Part) -> None:
        """Send a head and part of a blob.

        Raises:
            InputError: the blob is not what its digest says, or not there. Where nothing was
                sent yet, another answer may be; else breaking off is what is left.
            ResourceError: the medium cannot be read.
            OSError: the client has left, or takes too long.
        """
        with self._store.place(part.blob) as place:
            identity = _identity(place.fd)
            digest = part.blob.digest
            if part.is_whole and self._proved.get(digest) != identity:
                wrong = InputError(f"the content of {digest} is another")
                pieces = _pieces(place, part)
                _write(line, head, proved(pieces, part.length, digest, lambda: wrong))
                if _identity(place.fd) == identity:
                    self._proved[digest] = identity
            elif line.is_plain and part.length > _SMALL:
                line.write(head, more=True)
                sent = line.write_file(place.fd, place.at + part.start, part.length)
                rest = Part(part.blob, part.start + sent, part.length - sent)
                _write(line, b"", _pieces(place, rest))
            else:
                _write(line, head, _pieces(place, part))


def _write(line: Line, head: bytes, pieces: Iterator[memoryview]) -> None:
    """Send the head together with the first piece, which is read before anything is sent."""
    first = next(pieces, memoryview(b""))
    if head or first:
        line.write(b"".join((head, first)))
    for piece in pieces:
        line.write(piece)


def _pieces(place: Place, part: Part) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(min(PIECE, part.length)))
    at = place.at + part.start
    end = at + part.length
    while at < end:
        with guarded(f"cannot read {part.blob.digest}"):
            got = os.preadv(place.fd, [buffer[: end - at]], at)
        if not got:
            raise InputError(f"{part.blob.digest} became shorter while it was read")
        at += got
        yield buffer[:got]


def _identity(fd: int) -> _Identity:
    """Tell a file from every other one, and from itself after a change."""
    found = os.fstat(fd)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
