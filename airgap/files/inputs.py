"""Files that are read: the one place that says why one cannot be.

A file that is not there, or is a folder, is the caller's mistake; one that is there and cannot be
read is something that this host lacks.
"""

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from airgap.errors import AirgapError, InputError
from airgap.files.failures import resource_error

_MISTAKES = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What stands under a name where no file does."""
_HINT = "check the path"
_MOST = 16 << 20


def unreadable(error: OSError, path: Path, hint: str = _HINT) -> AirgapError:
    """Return the error for a file that cannot be read.

    Returns:
        An InputError with the hint where nothing that could be read has that name, else a
        ResourceError.
    """
    what = f"cannot read {path}"
    if error.errno in _MISTAKES:
        return InputError(f"{what}: {error.strerror}", hint=hint)
    return resource_error(error, what)


@contextmanager
def opened(path: Path, hint: str = _HINT) -> Iterator[BufferedReader]:
    """Open a file for reading; a failure to read it within the block is translated, too.

    Raises:
        InputError: nothing that could be read has that name; with ``hint``.
        ResourceError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise unreadable(error, path, hint) from error


def read(path: Path, most: int = _MOST, hint: str = _HINT) -> bytes:
    """Read a small file as a whole, a pipe too.

    Raises:
        InputError: nothing that could be read has that name, or it has more than ``most`` bytes.
        ResourceError: it cannot be read.
    """
    with opened(path, hint) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise InputError(f"{path} is larger than {most} bytes", hint=hint)
    return data


def is_file(path: Path, *, pipes: bool = True) -> bool:
    """Tell whether a name is one of something to be read; also where reading it will fail.

    Args:
        path: the name.
        pipes: take pipes and devices too, which somebody else may fill, or never.
    """
    try:
        mode = path.stat().st_mode
        return stat.S_ISREG(mode) or (pipes and not stat.S_ISDIR(mode))
    except OSError as error:
        return error.errno not in _MISTAKES
    except ValueError:
        return False
