"""Failures of the file system, as errors of airgap; and reading and writing at an offset."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airgap.errors import InputError, ResourceError

_HINTS = {
    errno.ENOSPC: "free some space, or choose another folder; what is complete is kept",
    errno.EDQUOT: "your disk quota is used up: free some space, or choose another folder",
    errno.EFBIG: "the file would be too large for this file system or limit (see ulimit -f)",
    errno.EIO: "the disk or stick fails: check its cable and the kernel's log, or use another",
    errno.ENOENT: "make the folder first, or choose another one",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "check the permissions of the file and of its folder",
    errno.EPERM: "check the permissions of the file and of its folder",
    errno.ELOOP: "a symbolic link stands in the way: remove it",
}
_DAMAGED = "copy the bundle again, and compare its sha256sum on both sides"


def resource_error(error: OSError, what: str) -> ResourceError:
    """Translate a failure of the system; ``what`` says what could not be done with which file."""
    cause = error.strerror or str(error)
    hint = _HINTS.get(error.errno or 0, "check the disk and the permissions, and run it again")
    return ResourceError(f"{what}: {cause}", hint=hint)


def damaged(message: str) -> InputError:
    """Return the error for a file that is not what it was."""
    return InputError(message, hint=_DAMAGED)


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Translate OSError that leaves the block; ``what`` says what is done with which file."""
    try:
        yield
    except OSError as error:
        raise resource_error(error, what) from error


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


def write_at(fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of ``data``; OSError passes."""
    done = os.pwrite(fd, data, offset)
    while done < len(data):
        done += os.pwrite(fd, memoryview(data)[done:], offset + done)


def sync_folder(path: Path) -> None:
    """Make a rename in the folder of ``path`` last; OSError passes."""
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
