"""The framing of the tar: headers, paddings and end, as a pure function of names and sizes.

POSIX ustar (IEEE 1003.1-1988, "ustar interchange format") with regular files only. Whoever knows
the names and sizes knows every byte outside the contents, so a reader compares the framing and
never interprets it. These functions are frozen for format 1.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airgap.errors import InputError
from airgap.oci.digest import shown

BLOCK = 512
END = bytes(2 * BLOCK)
SIZE_FIELD = slice(124, 136)
_OCTAL_LIMIT = 8 << 30  # what eleven octal digits hold
_MAX_SIZE = 1 << 50
_NAME, _PREFIX = 100, 155
_PRINTABLE = re.compile(r"[ -\[\]-~]+")  # ASCII without the backslash
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


def place(sizes: Iterable[tuple[str, int]]) -> tuple[list[Member], int]:
    """Lay members out one after the other; return them and the size of the whole file."""
    members: list[Member] = []
    offset = 0
    for name, size in sizes:
        members.append(Member(name, size, offset))
        offset += BLOCK + size + pad(size)
    return members, offset + len(END)


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
    prefix, rest = _split(name)
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


def mode_of(name: str) -> int:
    """Return the permissions of a member: programs may be run, the key is its owner's alone."""
    if name.startswith("airgap/bin/"):
        return 0o755
    return 0o600 if name == "airgap/tls.key" else 0o644


def check_name(name: str) -> None:
    """Check that a name stays below the folder it is extracted into, on every system.

    Raises:
        InputError: it does not, or no header can hold it.
    """
    parts = name.split("/")
    if not _PRINTABLE.fullmatch(name) or not all(parts) or "." in parts or ".." in parts:
        raise InputError(
            f"member name {shown(name)} is not allowed in a bundle",
            hint="use printable ASCII without backslash, and no empty, . or .. components",
        )
    _split(name)


def _split(name: str) -> tuple[str, str]:
    """Split a long name at the first slash that leaves no more than the name field holds."""
    if len(name) <= _NAME:
        return "", name
    slash = name.find("/", len(name) - _NAME - 1)
    if not 0 < slash <= _PREFIX:
        raise InputError(
            f"member name {shown(name)} is too long for a tar header",
            hint="keep the last component below 100 characters, and the whole below 255",
        )
    return name[:slash], name[slash + 1 :]


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
