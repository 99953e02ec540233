"""leftovers: what a partial file holds that a plan has no place for, kept for the next run.

Where an image fails, the plan does not know its blobs, and the next run may want them. They lie
behind the end of the plan; when the bundle gets its name, they go into a partial file of their own.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from airgap.bundle.medium import write_at
from airgap.bundle.partial.extents import Extents, Range
from airgap.bundle.partial.journal import Held
from airgap.errors import ResourceError
from airgap.files.limits import check_size, check_space
from airgap.oci.digest import Digest

_BUFFER = 4 << 20


def leftovers(
    noted: Mapping[Digest, Held], planned: Mapping[Digest, Held], file_size: int
) -> dict[Digest, Held]:
    """Return what a journal says besides what is planned, without what cannot be true.

    Args:
        noted: what the journal says of blobs that the plan does not have.
        planned: what the plan takes over; what overlaps that is no leftover.
        file_size: bytes of the partial file.
    """
    taken = [(h.at + start, h.at + end) for h in planned.values() for start, end in h.ranges]
    found, last = dict[Digest, Held](), Extents(sorted(taken))
    for digest, held in sorted(noted.items(), key=lambda item: item[1].at):
        there = Extents(held.ranges)
        if not 0 < there.end <= file_size - held.at:
            continue
        where = Extents((held.at + start, held.at + end) for start, end in there)
        if not last.overlaps(where):
            found[digest] = Held(held.at, tuple(there))
            for start, end in where:
                last.add(start, end)
    return found


def fitting(
    fd: int, path: Path, end: int, found: Mapping[Digest, Held]
) -> tuple[dict[Digest, Held], dict[Digest, int]]:
    """Return leftovers and their places from ``end`` on; none where the medium has no room."""
    places, size = _places(found, end)
    try:
        check_size(fd, path, size)
        check_space(fd, path, size)
    except ResourceError:
        return {}, {}
    return dict(found), places


def set_aside(fd: int, folder: Path, found: Mapping[Digest, Held], mode: int) -> int | None:
    """Copy leftovers into a file without a name; None where the medium makes none.

    Returns:
        its descriptor: the bytes lie as `moved` says.
    """
    places, size = _places(found, 0)
    try:
        aside = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode)
    except OSError:
        return None
    try:
        check_space(aside, folder, size)
        for digest, held in found.items():
            for part in held.ranges:
                _copy(fd, held.at, aside, places[digest], part)
    except (OSError, ResourceError):
        os.close(aside)
        return None
    return aside


def moved(found: Mapping[Digest, Held]) -> dict[Digest, Held]:
    """Return where leftovers lie that were set aside."""
    places, _ = _places(found, 0)
    return {digest: Held(places[digest], held.ranges) for digest, held in found.items()}


def give_name(aside: int, path: Path) -> bool:
    """Give a file that was set aside a name that nobody has; tells whether that went well."""
    try:
        # A directory's descriptor, of whatever, makes Python follow the link.
        os.link(f"/proc/self/fd/{aside}", path, src_dir_fd=aside, follow_symlinks=True)
    except OSError:
        return False
    return True


def _places(found: Mapping[Digest, Held], at: int) -> tuple[dict[Digest, int], int]:
    """Return where each is to lie from ``at`` on, in the order of today, and where all end."""
    places = {}
    for digest, held in sorted(found.items(), key=lambda item: item[1].at):
        places[digest] = at
        at += Extents(held.ranges).end
    return places, at


def _copy(source: int, source_at: int, target: int, target_at: int, part: Range) -> None:
    for start in _steps(part):
        data = os.pread(source, min(_BUFFER, part[1] - start), source_at + start)
        write_at(target, data, target_at + start)


def _steps(part: Range) -> Iterable[int]:
    return range(part[0], part[1], _BUFFER)
