"""A private folder for one run, which does not outlive it.

A run that is killed leaves its folder; the next one sweeps it. Whether a run is still at work
shows by its lock on the folder, which the kernel takes away however the run ends.
"""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from airgap.errors import ResourceError

_PREFIX = "airgap-run-"
_NEW_SECONDS = 60.0  # one that was just made may not have its lock yet
# Releases without a lock called it so; theirs are swept after a day, if nothing else is in them.
_FORMER = re.compile(r"airgap-[a-z0-9_]{8}")
_FORMER_SECONDS = 24 * 3600.0
_FORMER_FILES = re.compile(r"kind|kind\.yaml|tmp.*")
_OTHERS = (Path("/run"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108  (made by mkdtemp, 0700)


@contextmanager
def private_folder(among: Path | None = None) -> Iterator[Path]:
    """Make a folder that programs can be run from, and remove it at the end.

    Args:
        among: where folders are made; the temporary folder (TMPDIR) where not given, or another
            place where nothing may be run from that one.

    Raises:
        ResourceError: no place takes it.
    """
    place = among or _place()
    sweep(place)
    try:
        folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place, ignore_cleanup_errors=True)
    except OSError as error:
        raise ResourceError(
            f"cannot make a folder in {place}: {error.strerror}",
            hint="name a folder that takes one with TMPDIR",
        ) from error
    with folder as name:
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(fd)


def sweep(place: Path) -> list[Path]:
    """Remove this user's folders whose runs have ended; returns them."""
    swept = []
    for path in place.glob("airgap-*"):
        with suppress(OSError):  # somebody else was quicker, or it is not ours to open
            if _is_left(path):
                shutil.rmtree(path, ignore_errors=True)
                swept.append(path)
    return swept


def _is_left(path: Path) -> bool:
    former = _FORMER.fullmatch(path.name)
    if not former and not path.name.startswith(_PREFIX):
        return False
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(fd)
        seconds = _FORMER_SECONDS if former else _NEW_SECONDS
        if found.st_uid != os.geteuid() or time.time() - found.st_mtime < seconds:
            return False
        if former and not all(map(_FORMER_FILES.fullmatch, os.listdir(fd))):  # noqa: PTH208  (of the folder that is open)
            return False
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError while the run is at work
    finally:
        os.close(fd)
    return True


def _place() -> Path:
    """Return the temporary folder, or another one where nothing may be run from it."""
    first = Path(tempfile.gettempdir())
    return next((path for path in (first, *_OTHERS) if _runs_programs(path)), first)


def _runs_programs(path: Path) -> bool:
    try:
        return os.access(path, os.W_OK | os.X_OK) and not (os.statvfs(path).f_flag & os.ST_NOEXEC)
    except OSError:
        return False
