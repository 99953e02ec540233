"""Journal: what a partial file holds, so that a later run can go on.

Lines of ``DIGEST OFFSET BYTES [START BYTES]...``, appended while blobs arrive; the last line of a
digest holds. The blob lies at OFFSET; its first BYTES are there, and so are BYTES from START on.
Nothing in it is trusted: it only says where to look, and every byte is hashed again. So it needs
no fsync, and a torn or hostile journal costs time at the most.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from airgap.bundle.partial.extents import Range
from airgap.oci.digest import Digest

_MAX_JOURNAL = 64 << 20
_MAX_RANGES = 1000
_LINE = re.compile(
    r"(sha256:[0-9a-f]{64}) ([0-9]{1,15}) ([0-9]{1,15})"
    rf"((?: [0-9]{{1,15}} [0-9]{{1,15}}){{0,{_MAX_RANGES}}})\n"
)


@dataclass(frozen=True, slots=True)
class Held:
    """Where a blob lies in the partial file, and which of its bytes are there."""

    at: int
    ranges: tuple[Range, ...]


class Journal:
    """The open journal of a partial file. OSError passes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, _FLAGS | os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)

    def read(self) -> dict[Digest, Held]:
        """Return what is held by the last line of each digest; whatever is no line is skipped."""
        data = os.pread(self._fd, _MAX_JOURNAL, 0).decode("ascii", "replace")
        last = {}
        for line in data.splitlines(keepends=True):
            if match := _LINE.fullmatch(line):
                last[match[1]] = match
        return {Digest.parse(digest): _held(match) for digest, match in last.items()}

    def add(self, digest: Digest, held: Held) -> None:
        """Note which bytes of a blob are there."""
        os.write(self._fd, _line(digest, held))

    def restart(self, held: Mapping[Digest, Held]) -> None:
        """Begin anew with one line a digest, in one write."""
        os.ftruncate(self._fd, 0)
        os.write(self._fd, b"".join(_lines(held)))

    def close(self) -> None:
        """Close the file and leave it for a later run."""
        os.close(self._fd)


_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC


def _held(match: re.Match[str]) -> Held:
    numbers = [0, int(match[3]), *map(int, match[4].split())]
    found = ((start, start + count) for start, count in zip(*[iter(numbers)] * 2, strict=True))
    return Held(int(match[2]), tuple(found))


def _lines(held: Mapping[Digest, Held]) -> Iterable[bytes]:
    return (_line(digest, where) for digest, where in held.items())


def _line(digest: Digest, held: Held) -> bytes:
    front = held.ranges[0][1] if held.ranges and not held.ranges[0][0] else 0
    others = [f" {start} {end - start}" for start, end in held.ranges if start]
    return f"{digest} {held.at} {front}{''.join(others[:_MAX_RANGES])}\n".encode("ascii")
