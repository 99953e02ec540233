"""Journal: what a partial file holds, so that a later run can go on.

Lines of ``DIGEST OFFSET BYTES``, appended while blobs arrive; the last line of a digest holds.
Nothing in it is trusted: it only says where to look, and every byte is hashed again. So it needs
no fsync, and a torn or hostile journal costs time at the most.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from airgap.oci.digest import Digest

_LINE = re.compile(r"(sha256:[0-9a-f]{64}) ([0-9]{1,15}) ([0-9]{1,15})\n")
_MAX_JOURNAL = 64 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """Where a blob lies in the partial file, and how many of its bytes from the first on."""

    at: int
    count: int


class Journal:
    """The open journal of a partial file. OSError passes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, _FLAGS | os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)

    def read(self) -> dict[Digest, Held]:
        """Return what is held by the last line of each digest; whatever is no line is skipped."""
        data = os.pread(self._fd, _MAX_JOURNAL, 0).decode("ascii", "replace")
        found = {}
        for line in data.splitlines(keepends=True):
            if match := _LINE.fullmatch(line):
                digest, at, count = match.groups()
                found[Digest.parse(digest)] = Held(int(at), int(count))
        return found

    def add(self, digest: Digest, at: int, count: int) -> None:
        """Note that the first ``count`` bytes of a blob are there."""
        os.write(self._fd, _line(digest, Held(at, count)))

    def restart(self, held: Mapping[Digest, Held]) -> None:
        """Begin anew with one line a digest, in one write."""
        os.ftruncate(self._fd, 0)
        os.write(self._fd, b"".join(_lines(held)))

    def close(self) -> None:
        """Close the file and leave it for a later run."""
        os.close(self._fd)


_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC


def _lines(held: Mapping[Digest, Held]) -> Iterable[bytes]:
    return (_line(digest, where) for digest, where in held.items())


def _line(digest: Digest, held: Held) -> bytes:
    return f"{digest} {held.at} {held.count}\n".encode("ascii")
