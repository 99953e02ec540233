"""What of a partial file is of use to a plan: brought to its place, and hashed again."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from airgap.bundle.medium import write_at
from airgap.bundle.partial.journal import Held, Journal
from airgap.bundle.partial.moves import Move, order
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest

_BUFFER = 1 << 20
_THREADS = min(os.cpu_count() or 1, 8)


def kept(
    journal: Journal, blobs: Iterable[Descriptor], file_size: int, *, fresh: bool
) -> dict[Digest, Held]:
    """Return what the journal says of the blobs, without what cannot be true."""
    if fresh:
        return {}
    found = journal.read()
    possible = []
    for blob in blobs:
        held = found.get(blob.digest)
        if held and 0 < held.count <= blob.size and held.at + held.count <= file_size:
            possible.append((held.at, blob.digest, held))
    result: dict[Digest, Held] = {}
    end = 0
    for at, digest, held in sorted(possible, key=lambda item: item[0]):
        if at >= end:
            result[digest] = held
            end = at + held.count
    return result


def relocate(
    fd: int,
    path: Path,
    journal: Journal,
    held: Mapping[Digest, Held],
    blobs: Mapping[Digest, Descriptor],
    places: Mapping[Digest, int],
) -> None:
    """Move what is held to where it belongs, and note it as it goes.

    A finished blob needs no warning in the journal before it moves, since its hash will tell;
    the beginning of an unfinished one is given up if the run ends amid the move.
    """
    digests = [digest for digest, where in held.items() if where.at != places[digest]]
    moves = [Move(held[d].at, places[d], held[d].count) for d in digests]
    if not moves:
        return
    for digest in digests:
        if held[digest].count < blobs[digest].size:
            journal.add(digest, 0, 0)
    with tempfile.TemporaryFile(dir=path.parent, prefix=f".{path.name}.") as scratch:
        spilled: dict[Move, int] = {}
        for step in order(moves):
            _perform(fd, scratch, step.kind, step.move, spilled)
            if step.last:
                digest = digests[step.blob]
                journal.add(digest, places[digest], held[digest].count)


def _perform(fd: int, scratch: Any, kind: str, move: Move, spilled: dict[Move, int]) -> None:
    if kind == "fill":
        write_at(fd, _read(scratch.fileno(), move.size, spilled.pop(move)), move.target)
        return
    data = _read(fd, move.size, move.source)
    if kind == "copy":
        write_at(fd, data, move.target)
        return
    if not spilled:
        scratch.truncate(0)
    spilled[move] = os.fstat(scratch.fileno()).st_size
    write_at(scratch.fileno(), data, spilled[move])


def _read(fd: int, count: int, offset: int) -> bytes:
    """Read what is there; what is missing is zeros, and its hash will tell."""
    return os.pread(fd, count, offset).ljust(count, b"\0")


def hash_all(
    fd: int, held: Mapping[Digest, Held], places: Mapping[Digest, int]
) -> dict[Digest, Any]:
    """Return the running hash of what is held of each blob, several at a time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        hashes = pool.map(lambda d: _hash(fd, places[d], held[d].count), held)
        return dict(zip(held, hashes, strict=True))


def _hash(fd: int, offset: int, count: int) -> Any:
    running = hashlib.sha256()
    buffer = memoryview(bytearray(min(_BUFFER, count)))
    end = offset + count
    while offset < end:
        got = os.preadv(fd, [buffer[: end - offset]], offset)
        if not got:
            break
        running.update(buffer[:got])
        offset += got
    return running
