"""Members: where each file of a tar lies.

POSIX ustar and pax, and the long names of GNU tar. Headers are foreign: numbers, names and their
number are bounded, links lead to members alone, and what lies where is proved by who reads it.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from airgap.errors import InputError
from airgap.oci.digest import shown
from airgap.sources.archive.medium import Cursor

BLOCK = 512
_MAX_MEMBERS = 200_000
_MAX_EXTENSION = 64 << 10
_MAX_SIZE = 1 << 50
_MAX_LINKS = 8
_FILES, _LINKS = b"0\x007", b"12"
_PAX = re.compile(rb"([0-9]{1,6}) ([a-zA-Z.]{1,64})=")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the tar: where its content begins, and its size; or a link to another one."""

    at: int
    size: int
    link: str = ""


class Members:
    """The files of a tar by name.

    Args:
        scanned: what `scan` finds.
        what: names the tar in errors.

    Raises:
        InputError: it is no tar, is truncated, or has too many members.
    """

    def __init__(self, scanned: Iterable[tuple[str, Member]], what: str) -> None:
        self._what = what
        self._found: dict[str, Member] = {}
        self._twice: set[str] = set()
        for name, member in scanned:
            if name in self._found:
                self._twice.add(name)
            elif len(self._found) >= _MAX_MEMBERS:
                raise InputError(f"{what} has more than {_MAX_MEMBERS} members")
            self._found.setdefault(name, member)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a file of that name, or a link to one."""
        return isinstance(name, str) and self._resolved(name) is not None

    def names(self) -> Sequence[str]:
        """Return the names of all files and links."""
        return tuple(self._found)

    def find(self, name: str) -> Member:
        """Return a file; a link is followed to a file in the tar.

        Raises:
            InputError: there is none, or there are two.
        """
        return self._found[self.target(name)]

    def target(self, name: str) -> str:
        """Return what a file is called where no link leads to it.

        Raises:
            InputError: there is none, or there are two.
        """
        found = self._resolved(name)
        if found is None:
            raise InputError(f"{self._what}: {shown(name)} is missing")
        if posixpath.normpath(name) in self._twice:
            raise InputError(f"{self._what}: {shown(name)} is there twice")
        return found

    def _resolved(self, name: str) -> str | None:
        name = posixpath.normpath(name)
        for _ in range(_MAX_LINKS):
            found = self._found.get(name)
            if found is None:
                return None
            if not found.link:
                return name
            name = found.link
        return None


def scan(cursor: Cursor, total: int | None, what: str) -> Iterator[tuple[str, Member]]:
    """Yield the files and links of a tar, each under a name without ``.`` and ``..``.

    Args:
        cursor: stands at the tar's first byte; its content is passed over.
        total: the tar's size in bytes, where it is known.
        what: names it in errors.

    Raises:
        InputError: it is no tar, or is truncated.
    """
    at, extended = 0, _Extended()
    while True:
        block = cursor.read(BLOCK)
        at += len(block)
        if len(block) < BLOCK:
            # Some writers leave the end out; a tar without any member is none.
            if block or at == 0:
                raise InputError(f"{what} is truncated, or no tar")
            return
        if not block.strip(b"\0"):
            return
        kind, size = block[156:157], _checked_size(block, what, first=at == BLOCK)
        if kind in (b"x", b"g", b"L", b"K"):
            extended.read(kind, _extension(cursor, size, what))
            at += _padded(size)
            continue
        size = extended.size if extended.size is not None else size
        name, link = extended.name or _name(block), extended.link or _text(block[157:257])
        extended = _Extended()
        if total is not None and at + size > total:
            raise InputError(f"{what} is truncated", hint="copy it again, or make it anew")
        clean = _clean(name)
        if clean and kind in _FILES:
            yield clean, Member(at, size)
        elif clean and kind in _LINKS:
            target = link if kind == b"1" else posixpath.join(posixpath.dirname(clean), link)
            size = 0
            if target := _clean(target):
                yield clean, Member(at, 0, target)
        cursor.skip(_padded(size))
        at += _padded(size)


class _Extended:
    """What pax and GNU headers say of the next member."""

    def __init__(self) -> None:
        self.name = self.link = ""
        self.size: int | None = None

    def read(self, kind: bytes, data: bytes) -> None:
        if kind == b"L":
            self.name = _text(data)
        elif kind == b"K":
            self.link = _text(data)
        elif kind == b"x":
            for key, value in _records(data):
                if key == b"path":
                    self.name = _text(value)
                elif key == b"linkpath":
                    self.link = _text(value)
                elif key == b"size" and value.isdigit() and len(value) < 16:
                    self.size = int(value)


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of pax records, ``LENGTH KEY=VALUE``, up to one that is none."""
    at = 0
    while match := _PAX.match(data, at):
        end = at + int(match[1])
        if end <= match.end() or end > len(data):
            return
        yield match[2], data[match.end() : end - 1]
        at = end


def _extension(cursor: Cursor, size: int, what: str) -> bytes:
    if size > _MAX_EXTENSION:
        raise InputError(f"{what}: a header in it is larger than {_MAX_EXTENSION >> 10} KiB")
    data = cursor.read(_padded(size))
    if len(data) < size:
        raise InputError(f"{what} is truncated", hint="copy it again, or make it anew")
    return data[:size]


def _checked_size(block: bytes, what: str, *, first: bool) -> int:
    """Return the size that a header gives, where its checksum holds."""
    total = sum(block[:148]) + sum(block[156:]) + 8 * 0x20
    if _number(block[148:156]) != total:
        why = "is no tar" if first else "is damaged: a header is not valid"
        raise InputError(f"{what} {why}", hint="name an archive of images")
    size = _number(block[124:136])
    if size is None or size > _MAX_SIZE:
        raise InputError(f"{what} is damaged: a header gives no size")
    return size


def _number(field: bytes) -> int | None:
    """Read a number: octal digits, or base 256 where the first bit is set."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    digits = field.strip(b" \0")
    return int(digits or b"0", 8) if re.fullmatch(rb"[0-7]*", digits) else None


def _name(block: bytes) -> str:
    name = _text(block[:100])
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


def _clean(name: str) -> str:
    """Return a name without ``.`` and ``..``; empty where it leads out of the tar."""
    found = posixpath.normpath(name)
    return "" if found.startswith(("/", "..")) or found == "." else found


def _padded(size: int) -> int:
    return size + -size % BLOCK
