"""What of a partial file is of use to a plan: brought to its place, and hashed again."""

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from airgap.bundle.medium import write_at
from airgap.bundle.partial.extents import Extents
from airgap.bundle.partial.journal import Held, Journal
from airgap.bundle.partial.moves import Move, order
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest

_BUFFER = 1 << 20
_THREADS = min(os.cpu_count() or 1, 8)


def kept(
    noted: Mapping[Digest, Held], blobs: Iterable[Descriptor], file_size: int
) -> dict[Digest, Held]:
    """Return what a journal says of the blobs, without what cannot be true."""
    found = {}
    for blob in blobs:
        if blob.digest in noted:
            at, there = noted[blob.digest].at, Extents(noted[blob.digest].ranges)
            if 0 < there.end <= min(blob.size, file_size - at):
                found[blob.digest] = Held(at, tuple(there))
    for digest in _overlapping(found):
        del found[digest]
    return found


def _overlapping(held: Mapping[Digest, Held]) -> set[Digest]:
    """Return those of which bytes lie where others have theirs; the first ones stay."""
    ranges = [
        (where.at + start, where.at + end, digest)
        for digest, where in held.items()
        for start, end in where.ranges
    ]
    result, last = set(), 0
    for start, end, digest in sorted(ranges, key=lambda item: item[:2]):
        if start < last:
            result.add(digest)
        last = max(last, end)
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
    what is there of an unfinished one is given up if the run ends amid the move. Of what ``blobs``
    lack nobody knows whether it is finished.
    """
    moves, owners = list[Move](), list[Digest]()
    for digest, where in held.items():
        if where.at == places[digest]:
            continue
        blob = blobs.get(digest)
        if blob is None or where.ranges != ((0, blob.size),):
            journal.add(digest, Held(0, ()))
        for start, end in where.ranges:
            moves.append(Move(where.at + start, places[digest] + start, end - start))
            owners.append(digest)
    if not moves:
        return
    left = Counter(owners)
    with tempfile.TemporaryFile(dir=path.parent, prefix=f".{path.name}.") as scratch:
        spilled: dict[Move, int] = {}
        for step in order(moves):
            _perform(fd, scratch, step.kind, step.move, spilled)
            digest = owners[step.blob]
            left[digest] -= step.last
            if step.last and not left[digest]:
                journal.add(digest, Held(places[digest], held[digest].ranges))


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
    """Return the running hash of the first bytes that are held of each blob, several at a time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        hashes = pool.map(lambda d: _hash(fd, places[d], Extents(held[d].ranges).front), held)
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
