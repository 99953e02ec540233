"""The files of an archive by name, read in place; plain or gzipped is found by content."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from airgap.errors import InputError
from airgap.sources.archive import gzipped
from airgap.sources.archive.medium import Medium, Plain, open_regular
from airgap.sources.archive.members import Members, scan

_OTHERS = {
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"PK\x03\x04": "a zip file",
    b"\xfd7zXZ": "an xz file",
    b"BZh": "a bzip2 file",
}


class Archive:
    """The files in a tar; implements `airgap.sources.files.Files`. A context manager.

    Attributes:
        path: the archive.

    Raises:
        InputError: it is not there, no tar, or a hostile one.
        ResourceError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd, size = open_regular(path)
        try:
            self._medium = self._recognised(size)
            found = scan(self._medium.cursor(0), self._medium.size, str(path))
            self._members = Members(found, str(path))
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a file of that name."""
        return name in self._members

    def size(self, name: str) -> int:
        """Return a file's size; see `airgap.sources.files.Files.size`."""
        return self._members.find(name).size

    def read(self, name: str, limit: int) -> bytes:
        """Return a small file; see `airgap.sources.files.Files.read`."""
        member = self._members.find(name)
        if member.size > limit:
            raise InputError(f"{self.path}: {name} is larger than {limit} bytes")
        return self._medium.cursor(member.at).read(member.size)

    def chunks(self, name: str, start: int, count: int) -> Iterator[memoryview]:
        """Read a part of a file; see `airgap.sources.files.Files.chunks`."""
        member = self._members.find(name)
        count = max(min(count, member.size - start), 0)
        return self._medium.cursor(member.at + start).chunks(count)

    def _recognised(self, size: int) -> Medium:
        head = os.pread(self._fd, 8, 0)
        if head.startswith(gzipped.MAGIC):
            return gzipped.Gzipped(self._fd, self.path, size)
        for magic, name in _OTHERS.items():
            if head.startswith(magic):
                raise InputError(f"{self.path} is {name}", hint="unpack it first")
        return Plain(self._fd, self.path, size)
