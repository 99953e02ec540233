"""Medium: bytes at an offset of an open file."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from airgap.errors import InputError
from airgap.files.failures import guarded, resource_error

_BUFFER = 1 << 20
_DAMAGED = (
    "copy it again; to see which copy is bad, run sha256sum on the file on both sides (the digest"
    " that pack printed is another number)"
)


def damaged(message: str, hint: str = "") -> InputError:
    """Return the error for a file that is not what it was."""
    return InputError(message, hint=hint or _DAMAGED)


def read_at(fd: int, count: int, offset: int, path: Path) -> bytes:
    """Read exactly ``count`` bytes.

    Raises:
        InputError: the file ends before.
        ResourceError: the medium cannot be read.
    """
    with guarded(f"cannot read {path}"):
        data = os.pread(fd, count, offset)
        while len(data) < count:
            more = os.pread(fd, count - len(data), offset + len(data))
            if not more:
                raise damaged(f"{path} ends at byte {offset + len(data)}, before it should")
            data += more
    return data


def chunks_at(fd: int, count: int, offset: int, path: Path) -> Iterator[memoryview]:
    """Read ``count`` bytes piece by piece; the memory of each is reused after the next.

    Raises:
        InputError: the file ends before.
        ResourceError: the medium cannot be read.
    """
    buffer = memoryview(bytearray(min(_BUFFER, count)))
    end = offset + count
    while offset < end:
        try:
            got = os.preadv(fd, [buffer[: end - offset]], offset)
        except OSError as error:
            raise resource_error(error, f"cannot read {path}") from error
        if not got:
            raise damaged(f"{path} became shorter while it was read")
        offset += got
        yield buffer[:got]


def write_at(fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of ``data``; OSError passes."""
    done = os.pwrite(fd, data, offset)
    while done < len(data):
        done += os.pwrite(fd, memoryview(data)[done:], offset + done)


def begin_flush(fd: int, offset: int, count: int) -> None:
    """Let the system begin to write bytes to the medium that were written to the file.

    Otherwise the medium idles until the flush at the end, which then waits for all of it. On Linux
    this advice begins to write what is changed, and lets go only what is written already.
    """
    with suppress(OSError, AttributeError):  # no more than a wish
        os.posix_fadvise(fd, offset, count, os.POSIX_FADV_DONTNEED)
