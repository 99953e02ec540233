"""Lead: the first two members, which are all that a signature check reads.

Their headers are the only ones whose size field is read; each is then compared with the header
that such a size must have.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from airgap.bundle import tar
from airgap.bundle.format import MAX_TABLE, SIGNATURE, SIGNATURE_SIZE, SUMS
from airgap.bundle.medium import damaged, read_at
from airgap.errors import InputError
from airgap.files import inputs
from airgap.files.failures import guarded

_OTHERS = {
    b"\x1f\x8b": "a gzip file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"PK": "a zip file",
    b"\xfd7zXZ": "an xz file",
    b"BZh": "a bzip2 file",
    b"\x7fELF": "a program",
}


@dataclass(frozen=True, slots=True)
class Lead:
    """What stands first in a bundle.

    Attributes:
        sums: the content of SHA256SUMS.
        signature: the content of SHA256SUMS.minisig, with what fills it up.
        signature_at: where that begins in the file.
        end: where the third member's header begins.
    """

    sums: bytes
    signature: bytes
    signature_at: int
    end: int


def open_file(path: Path, flags: int = os.O_RDONLY) -> tuple[int, int]:
    """Open what may be a bundle, a file or a raw medium; return the descriptor and the size.

    Raises:
        InputError: it does not exist, or is neither, or has nothing in it.
        ResourceError: the system fails.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer.
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        hint = "name a bundle file"
        if str(path) == "-":
            hint = "a bundle is read at several places: write the stream into a file, and name that"
        raise inputs.unreadable(error, path, hint) from error
    with guarded(f"cannot read {path}"):
        mode = os.fstat(fd).st_mode
        size = os.lseek(fd, 0, os.SEEK_END) if stat.S_ISREG(mode) or stat.S_ISBLK(mode) else None
    if size:
        return fd, size
    os.close(fd)
    if size == 0:
        raise damaged(f"{path} is empty")
    raise InputError(
        f"{path} is not a file, but {inputs.KINDS.get(stat.S_IFMT(mode), 'something else')}",
        hint="a bundle is read at several places: name a file, or write the stream into one",
    )


def read_lead(fd: int, path: Path, file_size: int) -> Lead:
    """Read the first two members, without interpreting what they say.

    Raises:
        InputError: the file is no bundle, or ends within them.
    """
    sums, end = read_leading(fd, path, file_size, SUMS, 0)
    signature, next_end = read_leading(fd, path, file_size, SIGNATURE, end)
    if len(signature) != SIGNATURE_SIZE:
        raise damaged(f"{path} is damaged: the header of {SIGNATURE} is not what it must be")
    return Lead(sums, signature, end + tar.BLOCK, next_end)


def read_leading(fd: int, path: Path, file_size: int, name: str, at: int) -> tuple[bytes, int]:
    """Read one of the three members whose size only their header tells.

    Returns:
        its content, and where the next header begins.

    Raises:
        InputError: its header is not what it must be, or the file ends within it.
    """
    block = _read(fd, path, file_size, tar.BLOCK, at)
    size = tar.octal_size(block)
    if size is None or size > MAX_TABLE or block != tar.header(name, size):
        if not at:
            raise _not_a_bundle(path, block)
        raise damaged(f"{path} is damaged: the header of {name} is not what it must be")
    content = _read(fd, path, file_size, size + tar.pad(size), at + tar.BLOCK)
    if any(content[size:]):
        raise damaged(f"{path} is damaged: bytes other than zero follow {name}")
    return content[:size], at + tar.BLOCK + len(content)


def _read(fd: int, path: Path, file_size: int, count: int, at: int) -> bytes:
    if at + count > file_size:
        head = read_at(fd, min(file_size, tar.BLOCK), 0, path)
        if not head.startswith(SUMS.encode() + b"\0"):
            raise _not_a_bundle(path, head)
        raise damaged(
            f"{path} is truncated: expected at least {at + count} bytes, have {file_size}"
        )
    return read_at(fd, count, at, path)


def _not_a_bundle(path: Path, head: bytes) -> InputError:
    if head.startswith(SUMS.encode() + b"\0"):
        return damaged(f"{path} is damaged: the header of {SUMS} is not what it must be")
    looks = next((name for magic, name in _OTHERS.items() if head.startswith(magic)), "")
    if not looks and head[257:262] == b"ustar":
        looks = "another kind of tar"
    seems = f": it is {looks}" if looks else ""
    return InputError(
        f"{path} is not an airgap bundle{seems}",
        hint=(
            f"somebody compressed it: gunzip {path}, or what undoes that kind"
            if looks and "tar" not in looks
            else "name the file that airgap pack wrote"
        ),
    )
