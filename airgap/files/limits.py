"""How large a file may become, asked before its first byte is written."""

import errno
import os
import resource

from airgap.errors import ResourceError
from airgap.files.failures import guarded

_FAT = 1 << 32


def check_size(fd: int, path: object, size: int) -> None:
    """Check that the open file may become ``size`` bytes large.

    A quota is not asked for: who has one is told when it is used up.

    Raises:
        ResourceError: a limit of the process or of the file system forbids it.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit not in (resource.RLIM_INFINITY, -1) and size > limit:
        raise ResourceError(
            f"{path} will have {size} bytes, and the limit for files is {limit}",
            hint="raise it with ulimit -f, or pack fewer images",
        )
    if not _reaches(fd, size):
        fat = " (FAT32: less than 4 GiB)" if _reaches(fd, _FAT - 1) else ""
        raise ResourceError(
            f"{path} will have {size} bytes, and its file system holds no file of that size{fat}",
            hint="choose a folder on another file system, such as exFAT or ext4",
        )


def check_space(fd: int, path: object, size: int) -> None:
    """Check that the file system can hold the file, counting what it holds of it already.

    Raises:
        ResourceError: it cannot.
    """
    with guarded(f"cannot write {path}"):
        try:
            system = os.fstatvfs(fd)
        except OSError as error:
            if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
                return
            raise
        if not system.f_blocks:  # it does not know
            return
        free = system.f_bavail * system.f_frsize
        owned = os.fstat(fd).st_blocks * 512
    if size > free + owned:
        raise ResourceError(
            f"not enough space for {path}: {size} bytes needed, {free + owned} free",
            hint="free some space, or choose another folder",
        )


def _reaches(fd: int, size: int) -> bool:
    """Tell whether a file may have so many bytes: the kernel refuses to seek past its largest."""
    try:
        os.lseek(fd, size, os.SEEK_SET)
    except OSError as error:
        return error.errno not in (errno.EINVAL, errno.EFBIG, errno.EOVERFLOW)
    return True
