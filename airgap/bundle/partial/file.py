"""The file ``NAME.partial`` that a bundle grows in, owned by one run at a time."""

import fcntl
import os
import stat
from pathlib import Path

from airgap.errors import ResourceError
from airgap.files.failures import guarded, resource_error


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
