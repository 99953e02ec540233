"""Medium: bytes of a regular file, from any offset on."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from airgap.errors import InputError
from airgap.files.failures import guarded

_CHUNK = 1 << 18


class Cursor(Protocol):
    """Reads on from where it is; for one thread."""

    def read(self, count: int) -> bytes:
        """Return the next bytes: as many as asked for, fewer at the end alone."""

    def skip(self, count: int) -> None:
        """Go on without the next bytes."""

    def chunks(self, count: int) -> Iterator[memoryview]:
        """Yield the next bytes, fewer at the end alone."""


class Medium(Protocol):
    """Bytes that can be read from any offset on. Thread-safe; a context manager."""

    size: int | None
    """Bytes altogether; None where only reading them tells."""

    def cursor(self, offset: int) -> Cursor:
        """Begin to read at an offset."""


def open_regular(path: Path) -> tuple[int, int]:
    """Open a regular file; return the descriptor and its size in bytes.

    Raises:
        InputError: it is not there, or no regular file.
        ResourceError: the system fails.
    """
    with guarded(f"cannot read {path}"):
        try:
            # Without O_NONBLOCK, opening a pipe would wait for a writer.
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError(f"{path} does not exist", hint="check the path") from error
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        os.close(fd)
        raise InputError(f"{path} is not a file", hint="name an archive of images")
    return fd, found.st_size


class Plain:
    """A file as it is; implements Medium."""

    def __init__(self, fd: int, path: Path, size: int) -> None:
        self.size: int | None = size
        self._fd, self._path = fd, path

    def cursor(self, offset: int) -> Cursor:
        """Begin to read at an offset."""
        return _PlainCursor(self._fd, self._path, offset)


class _PlainCursor:
    def __init__(self, fd: int, path: Path, at: int) -> None:
        self._fd, self._what, self._at = fd, f"cannot read {path}", at

    def read(self, count: int) -> bytes:
        return b"".join(map(bytes, self.chunks(count)))

    def skip(self, count: int) -> None:
        self._at += count

    def chunks(self, count: int) -> Iterator[memoryview]:
        buffer = memoryview(bytearray(min(_CHUNK, max(count, 1))))
        while count > 0:
            with guarded(self._what):
                got = os.preadv(self._fd, [buffer[: min(count, len(buffer))]], self._at)
            if not got:
                return
            self._at += got
            count -= got
            yield buffer[:got]
