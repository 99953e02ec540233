"""What some media refuse, and what can be done without.

CIFS, FUSE, shares of virtual machines, NFS without its lock daemon and object stores that look
like folders refuse to flush a folder, to lock or to change a mode. Each function here tells
whether it was done; what is no such refusal (EIO above all) passes as OSError.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

_REFUSED = {
    errno.EINVAL,
    errno.ENOSYS,
    errno.EPERM,
    errno.EOPNOTSUPP,
    errno.ENOTTY,
    errno.ENOLCK,
}
PRIVATE = 0o600


def sync(fd: int) -> bool:
    """Flush a file to its medium."""
    return _done(lambda: os.fsync(fd))


def sync_folder(folder: Path) -> bool:
    """Make a rename in a folder last."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return False  # a folder may take files and not be readable
    try:
        return sync(fd)
    finally:
        os.close(fd)


def lock(fd: int) -> bool:
    """Lock a file for this run.

    Raises:
        BlockingIOError: another run has it.
    """
    return _done(lambda: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB))


def make_private(fd: int) -> bool:
    """Keep everybody else out of a file: tells whether the medium does it."""
    _done(lambda: os.fchmod(fd, PRIVATE))
    return is_private(fd)


def is_private(fd: int) -> bool:
    """Tell whether nobody else may open a file."""
    return not stat.S_IMODE(os.fstat(fd).st_mode) & 0o077


def _done(call: Callable[[], None]) -> bool:
    try:
        call()
    except OSError as error:
        if error.errno in _REFUSED:
            return False
        raise
    return True
