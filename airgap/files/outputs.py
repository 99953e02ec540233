"""Where files of ours land: the one place through which every name that is written passes.

A device, a FIFO or a socket under that name is refused and stays what it is: who renames a file
over ``/dev/null`` breaks the host. A link to a regular file is followed, unless anybody could
have planted it. A file is made beside its place, and gets its name when all of it is there.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airgap.errors import ResourceError
from airgap.files import refusals
from airgap.files.failures import guarded

_MOST_LINKS = 40
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NOTHING_THERE = (FileNotFoundError, NotADirectoryError)
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


@dataclass(frozen=True, slots=True)
class New:
    """A file that must not exist yet; ``mode`` is narrowed by the umask."""

    path: Path
    data: bytes
    mode: int = 0o666


def landing(path: Path) -> Path:
    """Return where the data of a name land: at the end of its links.

    Raises:
        ResourceError: what is there is no regular file, or a link that anybody could have
            planted; or the system will not tell.
    """
    with guarded(f"cannot write {path}"):
        place = _followed(path)
        found = _stat(path)
        if found and not stat.S_ISREG(found.st_mode):
            raise ResourceError(
                f"{path} is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}, not a file: it is"
                " left as it is",
                hint="name a file, one that exists or a new one",
            )
        return place


def check(path: Path) -> None:
    """Find out before any work whether a file may be written under a name.

    Raises:
        ResourceError: it may not be: see `landing`; or its folder does not take files.
    """
    folder = landing(path).parent
    with guarded(f"cannot write {path}"):
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(folder, os.W_OK | os.X_OK):
            read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
            code = errno.EROFS if read_only else errno.EACCES
            raise OSError(code, os.strerror(code))


def write(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Give a name its content at once; an older file keeps its mode and its owner.

    Args:
        path: the name; links are followed.
        data: the whole content.
        mode: of a file that is new, narrowed by the umask.

    Raises:
        ResourceError: it cannot be written; what was there before is still there.
    """
    stream(path, [data], mode)


def stream(path: Path, pieces: Iterable[bytes | memoryview], mode: int = 0o666) -> None:
    """Give a name its content once all of it was produced; see `write`.

    Args:
        path: the name; links are followed.
        pieces: the content in order; what they raise passes, and nothing was written.
        mode: of a file that is new, narrowed by the umask.

    Raises:
        ResourceError: it cannot be written; what was there before is still there.
    """
    place = landing(path)
    with guarded(f"cannot write {path}"):
        old = _stat(place)
        new = place.with_name(f".airgap-{secrets.token_hex(8)}")
        fd = os.open(new, _NEW, mode)
        try:
            with os.fdopen(fd, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                if old:
                    _take_over(fd, old)
                file.flush()
                refusals.sync(fd)
            new.replace(place)
            refusals.sync_folder(place.parent)
        except BaseException:
            with suppress(OSError):
                new.unlink()
            raise


def create(files: Sequence[New], *, forced: bool = False) -> None:
    """Make files that must not exist yet: all of them, or none.

    Args:
        files: what to make.
        forced: also where the medium lets others read what is nobody else's.

    Raises:
        ResourceError: one exists, cannot be written, or cannot be kept from others.
    """
    made: list[Path] = []
    try:
        for file in files:
            with guarded(f"cannot write {file.path}"):
                fd = os.open(file.path, _NEW, file.mode)
                made.append(file.path)
                _fill(fd, file, forced=forced)
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.unlink()
        raise


def _fill(fd: int, file: New, *, forced: bool) -> None:
    with os.fdopen(fd, "wb") as output:
        if not (forced or file.mode & 0o077 or refusals.make_private(fd)):
            raise ResourceError(
                f"{file.path} would be readable by others: this medium keeps no modes of files",
                hint="choose a folder on another medium, or --force it where you are alone",
            )
        output.write(file.data)
        output.flush()
        refusals.sync(fd)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except _NOTHING_THERE:
        return None


def _followed(path: Path) -> Path:
    for _ in range(_MOST_LINKS):
        try:
            found = path.lstat()
        except _NOTHING_THERE:
            return path
        if not stat.S_ISLNK(found.st_mode):
            return path
        _check_link(path, found)
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _check_link(path: Path, found: os.stat_result) -> None:
    """Refuse a link by the rule of ``protected_symlinks``, in folders that are not sticky too."""
    folder = path.parent.stat()
    if folder.st_mode & stat.S_IWOTH and found.st_uid not in (os.geteuid(), folder.st_uid):
        raise ResourceError(
            f"{path} is a link that another user made in a folder where anybody may write",
            hint="remove it if you know it, or name a file in another folder",
        )


def _take_over(fd: int, old: os.stat_result) -> None:
    """Leave a file its mode, and its owner, who is another where root runs airgap by sudo."""
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):
            os.fchown(fd, old.st_uid, old.st_gid)
    with suppress(PermissionError):  # a medium may have one mode for all
        os.fchmod(fd, stat.S_IMODE(old.st_mode) & 0o777)
