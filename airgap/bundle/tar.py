"""The framing of the tar: headers, paddings and end, as a pure function of names and sizes.

POSIX ustar (IEEE 1003.1-1988, "ustar interchange format") with regular files only. Whoever knows
the names and sizes knows every byte outside the contents, so a reader compares the framing and
never interprets it. These functions are frozen for format 1.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airgap.bundle.format import check_name, mode_of, split_name
from airgap.errors import InputError
from airgap.oci.digest import shown

BLOCK = 512
END = bytes(2 * BLOCK)
SIZE_FIELD = slice(124, 136)
_OCTAL_LIMIT = 8 << 30  # what eleven octal digits hold
_MAX_SIZE = 1 << 50
_ZEROS = bytes(BLOCK)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the tar, and where its header stands."""

    name: str
    size: int
    header_at: int

    @property
    def at(self) -> int:
        """Where the content begins."""
        return self.header_at + BLOCK

    @property
    def end(self) -> int:
        """Where the content ends, and the padding begins."""
        return self.at + self.size


def place(sizes: Iterable[tuple[str, int]]) -> list[Member]:
    """Lay members out one after the other."""
    members: list[Member] = []
    offset = 0
    for name, size in sizes:
        members.append(Member(name, size, offset))
        offset += BLOCK + size + pad(size)
    return members


def end(members: Sequence[Member]) -> int:
    """Return the size of a file with these members."""
    last = members[-1].end
    return last + pad(last) + len(END)


def pad(size: int) -> int:
    """Return the number of zero bytes between content of that size and the next header."""
    return -size % BLOCK


def gaps(members: Sequence[Member]) -> Iterable[tuple[int, bytes, str]]:
    """Yield all that is not content: where, which bytes, and the member that they announce.

    Each piece is the padding of one member and the header of the next; the last is padding and
    the end of the archive, and announces nothing.
    """
    position = 0
    for member in members:
        padding = _ZEROS[: member.header_at - position]
        yield position, padding + header(member.name, member.size), member.name
        position = member.end
    yield position, _ZEROS[: pad(position)] + END, ""


def header(name: str, size: int) -> bytes:
    """Return the header of a regular file.

    Raises:
        InputError: the name or the size cannot be in a bundle.
    """
    check_name(name)
    if not 0 <= size <= _MAX_SIZE:
        raise InputError(f"member {shown(name)} has the invalid size {shown(size)}")
    prefix, rest = split_name(name)
    block = bytearray(BLOCK)
    block[0 : len(rest)] = rest.encode("ascii")
    block[100:108] = b"%07o\0" % mode_of(name)
    block[108:116] = block[116:124] = b"0000000\0"
    block[SIZE_FIELD] = _size_field(size)
    block[136:148] = b"00000000000\0"
    block[148:156] = b" " * 8
    block[156:157] = b"0"
    block[257:265] = b"ustar\x0000"
    block[329:337] = block[337:345] = b"0000000\0"
    block[345 : 345 + len(prefix)] = prefix.encode("ascii")
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _size_field(size: int) -> bytes:
    """Write a size in octal; from 8 GiB on in base 256, which GNU tar, Go and Python read."""
    if size < _OCTAL_LIMIT:
        return b"%011o\0" % size
    return b"\x80" + size.to_bytes(11, "big")


def octal_size(block: bytes) -> int | None:
    """Return the size in a header whose size field is plain octal, None where it is not."""
    field = block[SIZE_FIELD]
    if re.fullmatch(rb"[0-7]{11}\0", field):
        return int(field[:-1], 8)
    return None
