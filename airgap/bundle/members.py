"""Members: an opened file, compared with what it must be, and its content."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from airgap.bundle import tar
from airgap.bundle.format import SUMS
from airgap.bundle.medium import chunks_at, damaged, read_at
from airgap.errors import InputError
from airgap.oci.digest import Digest, shown
from airgap.oci.proof import proved
from airgap.progress import Progress

_BLOCK = 64 << 10
_PADDING = 64 << 20  # bytes that are looked at
_FAT_LIMIT = (4 << 30) - 1
_FAT = "FAT32 takes no larger file: carry the bundle on a medium with exFAT, NTFS or ext4"
_TOLD_APART = 256 << 20  # of larger ones it is not told whether they are altered or forged


class Members:
    """The members of a bundle, by name. Thread-safe.

    Args:
        fd: the open file; it stays the caller's.
        path: what the file is called in errors.
        members: all members, with their places.
        sums: the sha256 of each that SHA256SUMS names, as hexadecimal digits.
    """

    def __init__(
        self, fd: int, path: Path, members: Mapping[str, tar.Member], sums: Mapping[str, str]
    ) -> None:
        self._fd, self.path, self._members, self._sums = fd, path, members, sums

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def all(self) -> tuple[tar.Member, ...]:
        """Return all members in order."""
        return tuple(self._members.values())

    def proving(self) -> list[tar.Member]:
        """Return those that SHA256SUMS names."""
        return [member for member in self._members.values() if member.name in self._sums]

    def sum(self, name: str) -> str:
        """Return what SHA256SUMS says of a member, as hexadecimal digits."""
        return self._sums[name]

    def check_size(self, size: int) -> int:
        """Check the size of the file, and return where its last member ends.

        A raw medium is longer than what was written to it; nothing beyond the end is read there.

        Raises:
            InputError: the file ends elsewhere.
            ResourceError: the medium cannot be read.
        """
        end = tar.end(self.all())
        if size < end:
            hint = _FAT if size == _FAT_LIMIT else ""
            raise damaged(f"{self.path} is truncated: expected {end} bytes, have {size}", hint)
        if size > end and not stat.S_ISBLK(os.fstat(self._fd).st_mode):
            if self._is_padding(end, size):
                raise InputError(
                    f"{self.path} is padded: {size - end} zeros follow its end, as dd conv=sync or"
                    " a raw medium leaves them",
                    hint=f"truncate -s {end} {self.path}",
                )
            raise damaged(f"{self.path} has {size - end} bytes after its end")
        return end

    def _is_padding(self, end: int, size: int) -> bool:
        """Tell whether only zeros follow; of very much more than a bundle nobody looks at all."""
        chunks = chunks_at(self._fd, min(size - end, _PADDING), end, self.path)
        return not any(chunk.tobytes().strip(b"\0") for chunk in chunks)

    def check_framing(self) -> None:
        """Compare all that is not content.

        Raises:
            InputError: a header, padding or the end is not what it must be.
            ResourceError: the medium cannot be read.
        """
        for at, expected, name in tar.gaps(self.all()):
            if read_at(self._fd, len(expected), at, self.path) != expected:
                where = f"the header of {shown(name)}" if name else "the end of the archive"
                raise damaged(f"{self.path} is damaged: {where} is not what it must be")

    def equal(self, name: str, pieces: Iterable[bytes]) -> bool:
        """Tell whether a member has exactly these bytes; the first that differs ends it.

        Raises:
            InputError: it differs, and is not even what SHA256SUMS says.
            ResourceError: the medium cannot be read.
        """
        member, running = self.find(name), hashlib.sha256()
        at = member.at
        for block in _blocks(pieces):
            there = read_at(self._fd, min(len(block), member.end - at), at, self.path)
            if there != block:
                break
            running.update(block)
            at += len(block)
        if at == member.end and running.hexdigest() == self._sums[name]:
            return True
        if member.size <= _TOLD_APART:
            for _ in self.stream(member):
                pass
        return False

    def find(self, name: str) -> tar.Member:
        """Return a member.

        Raises:
            InputError: there is none of that name.
        """
        member = self._members.get(name)
        if member is None:
            raise InputError(f"{self.path} has no member {shown(name)}")
        return member

    def read(self, name: str, limit: int) -> bytes:
        """Return a member as a whole, proved unless it is one that proves the others.

        Raises:
            InputError: there is none, it is over ``limit`` bytes, or it is not what it must be.
            ResourceError: the medium cannot be read.
        """
        member = self.find(name)
        if member.size > limit:
            raise InputError(f"{self.path}: {name} is larger than {limit >> 20} MiB")
        chunks = self.stream(member) if name in self._sums else self._raw(member)
        return b"".join(map(bytes, chunks))

    def stream(self, member: tar.Member) -> Iterator[memoryview]:
        """Read a member, and hold the last piece back until the hash holds.

        Raises:
            InputError: its bytes are not what SHA256SUMS says.
            ResourceError: the medium cannot be read.
        """
        digest = Digest("sha256", self._sums[member.name])
        return proved(self._raw(member), member.size, digest, lambda: self._altered(member))

    def part(self, member: tar.Member, start: int) -> Iterator[memoryview]:
        """Read a member from byte ``start`` on; a part proves nothing, so nothing is hashed.

        Raises:
            ResourceError: the medium cannot be read.
        """
        return chunks_at(self._fd, max(member.size - start, 0), member.at + start, self.path)

    def holds(self, member: tar.Member, progress: Progress) -> bool:
        """Tell whether a member is what SHA256SUMS says."""
        running = hashlib.sha256()
        for chunk in self._raw(member):
            running.update(chunk)
            progress.advance(len(chunk))
        return running.hexdigest() == self._sums[member.name]

    def _raw(self, member: tar.Member) -> Iterator[memoryview]:
        return chunks_at(self._fd, member.size, member.at, self.path)

    def _altered(self, member: tar.Member) -> InputError:
        return damaged(f"{self.path} is damaged: {member.name} is not what {SUMS} says")


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces to blocks."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
