"""What the system refuses, as errors of airgap."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from airgap.errors import ResourceError

_HINTS = {
    errno.ENOSPC: "free some space, or choose another folder; what is complete is kept",
    errno.EDQUOT: "your disk quota is used up: free some space, or choose another folder",
    errno.EFBIG: "the file would be too large for this file system or limit (see ulimit -f)",
    errno.EIO: "the disk or stick fails: check its cable and the kernel's log, or use another",
    errno.ENOENT: "make the folder first, or choose another one",
    errno.ENOTDIR: "a file stands where a folder should: choose another folder",
    errno.EEXIST: "choose another name, or move away what is there",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "check the permissions of the file and of its folder",
    errno.EPERM: "check the permissions of the file and of its folder",
    errno.ELOOP: "a symbolic link stands in the way: remove it",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "too many files are open: raise the limit (see ulimit -n)",
}


def resource_error(error: OSError, what: str) -> ResourceError:
    """Translate a failure of the system; ``what`` says what could not be done with which file."""
    cause = error.strerror or str(error)
    hint = _HINTS.get(error.errno or 0, "check the disk and the permissions, and run it again")
    return ResourceError(f"{what}: {cause}", hint=hint)


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Translate OSError that leaves the block; ``what`` says what is done with which file."""
    try:
        yield
    except OSError as error:
        raise resource_error(error, what) from error
