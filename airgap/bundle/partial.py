"""Partial: the file ``NAME.partial`` that a bundle grows in, owned by one run at a time."""

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from airgap.bundle.files import guarded, resource_error, write_at
from airgap.bundle.journal import Held, Journal
from airgap.bundle.moves import Move, order
from airgap.errors import ResourceError
from airgap.oci.digest import Digest
from airgap.oci.manifest import Descriptor

_BUFFER = 1 << 20
_THREADS = min(os.cpu_count() or 1, 8)


def open_locked(path: Path, *, secret: bool) -> int:
    """Open the partial file, make it if need be, and lock it.

    Raises:
        ResourceError: another run has it, it is somebody else's, or the system fails.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    while True:
        with guarded(f"cannot write {path}"):
            fd = os.open(path, flags, 0o600 if secret else 0o666)
        try:
            if _lock(fd, path):
                if secret:
                    os.fchmod(fd, 0o600)
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _lock(fd: int, path: Path) -> bool:
    """Lock the file; False where another run renamed it away before the lock was had."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink > 1:
        raise ResourceError(
            f"{path} is not a plain file of this user", hint="remove it, or choose another name"
        )
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(path.stat(follow_symlinks=False), found)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        raise ResourceError(
            f"{path} is being written by another run",
            hint="wait for it to end, or choose another name",
        ) from None
    except OSError as error:
        raise resource_error(error, f"cannot lock {path}") from error


def check_space(fd: int, path: Path, needed: int) -> None:
    """Check that the file system can hold the file, counting what it holds of it already.

    Raises:
        ResourceError: it cannot.
    """
    with guarded(f"cannot write {path}"):
        system = os.fstatvfs(fd)
        free = system.f_bavail * system.f_frsize
        owned = os.fstat(fd).st_blocks * 512
    if needed > free + owned:
        raise ResourceError(
            f"not enough space for {path}: {needed} bytes needed, {free + owned} free",
            hint="free some space, or choose another folder",
        )


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
