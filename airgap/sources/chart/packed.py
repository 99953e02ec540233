"""packed: the Chart.yaml in a chart's .tgz, which is read in memory and bounded."""

import re
import zlib
from collections.abc import Iterator

from airgap.errors import InputError
from airgap.sources.archive.medium import Cursor
from airgap.sources.archive.members import Members, scan

MAX_PACKED = 20 << 20
"""Bytes of the largest .tgz; helm itself takes no more."""
_MAX_UNPACKED = 100 << 20
_MAX_YAML = 1 << 20
_PLACE = re.compile(r"[^/]+/Chart\.yaml")
_HINT = "make it with helm package, or get it again"


def chart_yaml(packed: bytes, what: str) -> str:
    """Return the Chart.yaml of a chart.

    Args:
        packed: the .tgz.
        what: names it in errors.

    Raises:
        InputError: it is no chart, is damaged, or is very large.
    """
    medium = _Memory(_unpacked(packed, what))
    members = Members(scan(medium.cursor(0), medium.size, what), what)
    found = [name for name in members.names() if _PLACE.fullmatch(name)]
    if len(found) != 1:
        count = "no" if not found else "more than one"
        raise InputError(f"{what}: it has {count} Chart.yaml", hint=_HINT)
    member = members.find(found[0])
    if member.size > _MAX_YAML:
        raise InputError(f"{what}: its Chart.yaml is larger than {_MAX_YAML >> 20} MiB")
    try:
        return medium.cursor(member.at).read(member.size).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{what}: its Chart.yaml is not UTF-8", hint=_HINT) from None


def _unpacked(packed: bytes, what: str) -> bytes:
    decoder = zlib.decompressobj(wbits=31)
    try:
        content = decoder.decompress(packed, _MAX_UNPACKED)
    except zlib.error as error:
        raise InputError(f"{what}: it is no gzip file: {error}", hint=_HINT) from None
    if decoder.unconsumed_tail:
        raise InputError(f"{what}: it expands to more than {_MAX_UNPACKED >> 20} MiB")
    if not decoder.eof:
        raise InputError(f"{what} is truncated", hint=_HINT)
    return content


class _Memory:
    """Bytes in memory; implements Medium."""

    def __init__(self, content: bytes) -> None:
        self.size: int | None = len(content)
        self._content = memoryview(content)

    def cursor(self, offset: int) -> Cursor:
        """Begin to read at an offset."""
        return _MemoryCursor(self._content[offset:])


class _MemoryCursor:
    def __init__(self, left: memoryview) -> None:
        self._left = left

    def read(self, count: int) -> bytes:
        return b"".join(map(bytes, self.chunks(count)))

    def skip(self, count: int) -> None:
        self._left = self._left[count:]

    def chunks(self, count: int) -> Iterator[memoryview]:
        piece, self._left = self._left[:count], self._left[count:]
        if piece:
            yield piece
