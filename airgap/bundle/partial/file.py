"""The file ``NAME.partial`` that a bundle grows in, owned by one run at a time."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from airgap.errors import ResourceError
from airgap.files import refusals
from airgap.files.failures import guarded, resource_error

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def check(path: Path) -> None:
    """Find out before any work whether a partial file of that name could be taken over.

    Raises:
        ResourceError: it could not.
    """
    with guarded(f"cannot write {path}"):
        try:
            found = path.lstat()
        except FileNotFoundError:
            return
        _check_safe(path, found)
        if not os.access(path, os.R_OK | os.W_OK):
            raise _unsafe(path, "a file of another user that may not be written")


def open_locked(path: Path, *, secret: bool, warn: Callable[[str], None]) -> int:
    """Open the partial file, make it if need be, and lock it.

    Args:
        path: the file.
        secret: keep everybody else out of it.
        warn: is told what the medium does not do.

    Raises:
        ResourceError: another run has it, it is not safe to take over, or the system fails.
    """
    while True:
        with guarded(f"cannot write {path}"):
            fd, made = _open(path, mode_of(secret=secret))
        try:
            if _take(fd, path, warn, made=made):
                if secret and not refusals.make_private(fd):
                    warn(
                        f"{path} will hold a private key, and this medium lets others read it:"
                        " keep it where nobody else can"
                    )
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def mode_of(*, secret: bool) -> int:
    """Return the mode of a partial file, before the umask."""
    return 0o600 if secret else 0o666


def _open(path: Path, mode: int) -> tuple[int, bool]:
    """Open a file that is there, or else make it; tells whether it was made."""
    while True:
        # With O_CREAT, Linux opens no file of others in a sticky folder, for root neither.
        try:
            return os.open(path, _FLAGS), False
        except FileNotFoundError:
            pass
        try:
            return os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, mode), True
        except FileExistsError:
            continue  # made meanwhile by somebody else


def _take(fd: int, path: Path, warn: Callable[[str], None], *, made: bool) -> bool:
    """Lock the file; False where another run renamed it away before the lock was had."""
    with guarded(f"cannot write {path}"):
        found = os.fstat(fd)
        if not made:  # what was made just now is ours, whoever the medium says owns it
            _check_safe(path, found)
    try:
        if not refusals.lock(fd):
            warn(f"{path} cannot be locked on this medium: let no other airgap write there")
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


def _check_safe(path: Path, found: os.stat_result) -> None:
    """Refuse what could be written elsewhere too, or what anybody may have put there.

    Its bytes are proved, so the owner counts only where everybody may make files: whoever may
    write to any other folder could replace the bundle as well.
    """
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise _unsafe(path, "no plain file")
    folder = path.parent.stat()
    if folder.st_mode & stat.S_IWOTH and found.st_uid not in (os.geteuid(), 0, folder.st_uid):
        # Some media give all files to one owner.
        with tempfile.TemporaryFile(dir=path.parent) as file:
            if os.fstat(file.fileno()).st_uid == found.st_uid:
                return
        raise _unsafe(path, "another user's, in a folder where anybody may make files")


def _unsafe(path: Path, why: str) -> ResourceError:
    return ResourceError(f"{path} is {why}", hint="remove it, or choose another name")
