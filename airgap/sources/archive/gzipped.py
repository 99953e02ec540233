"""Gzipped: a gzip file (RFC 1952) read from any offset of its content, without a copy of it.

While the content passes for the first time, snapshots of the decoder are kept; a later read
begins at the last one before its offset. Their number is bounded: where there are too many, every
second one is dropped, so a read passes over a part of the content that is known in advance.
"""

import bisect
import os
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airgap.errors import InputError
from airgap.files.failures import guarded
from airgap.sources.archive.medium import Cursor

MAGIC = b"\x1f\x8b"
_INPUT = 1 << 16
_OUTPUT = 1 << 18
_MOST_SNAPSHOTS = 128
_SPACING = 4 << 20
_FREE, _RATIO = 1 << 30, 200
"""Content may have a GiB, and 200 times the bytes of the file: no image compresses better."""


@dataclass(slots=True)
class _Stream:
    """A decoder, and whether it is amid its part of the file."""

    decoder: Any
    begun: bool = False

    def copy(self) -> "_Stream":
        return _Stream(self.decoder.copy(), self.begun)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A decoder before it reads ``source`` on, when ``at`` bytes of content have passed."""

    at: int
    source: int
    stream: _Stream


class Gzipped:
    """A gzip file; implements Medium."""

    def __init__(self, fd: int, path: Path, size: int) -> None:
        self.size: int | None = None
        self.fd, self.path, self.most = fd, path, _FREE + _RATIO * size
        self._snapshots = [_Snapshot(0, 0, _Stream(_decoder()))]
        self._spacing = _SPACING
        self._lock = threading.Lock()

    def cursor(self, offset: int) -> Cursor:
        """Begin to read at an offset."""
        with self._lock:
            position = bisect.bisect_right([s.at for s in self._snapshots], offset) - 1
            found = self._snapshots[position]
            begin = _Snapshot(found.at, found.source, found.stream.copy())
        cursor = _GzipCursor(self, begin)
        cursor.skip(offset - begin.at)
        return cursor

    def keep(self, snapshot: _Snapshot) -> None:
        """Keep a snapshot where the last one is far enough behind."""
        with self._lock:
            if snapshot.at - self._snapshots[-1].at < self._spacing:
                return
            copy = _Snapshot(snapshot.at, snapshot.source, snapshot.stream.copy())
            self._snapshots.append(copy)
            if len(self._snapshots) > _MOST_SNAPSHOTS:
                self._snapshots = self._snapshots[::2]
                self._spacing *= 2


class _GzipCursor:
    def __init__(self, medium: Gzipped, begin: _Snapshot) -> None:
        self._medium = medium
        self._pieces = self._decoded(begin)
        self._left = memoryview(b"")

    def read(self, count: int) -> bytes:
        return b"".join(map(bytes, self.chunks(count)))

    def skip(self, count: int) -> None:
        for _ in self.chunks(count):
            pass

    def chunks(self, count: int) -> Iterator[memoryview]:
        while count > 0:
            if not self._left:
                self._left = memoryview(next(self._pieces, b""))
                if not self._left:
                    return
            piece, self._left = self._left[:count], self._left[count:]
            count -= len(piece)
            yield piece

    def _decoded(self, begin: _Snapshot) -> Iterator[bytes]:
        """Yield the content from a snapshot on, a bounded piece at a time."""
        source, at, stream = begin.source, begin.at, begin.stream
        while data := self._input(source):
            source += len(data)
            while data:
                for piece in self._pieces_of(stream, data):
                    at += len(piece)
                    self._check_ratio(at)
                    yield piece
                data = b""
                if stream.decoder.eof:
                    data = stream.decoder.unused_data.lstrip(b"\0")
                    stream = _Stream(_decoder())
            self._medium.keep(_Snapshot(at, source, stream))
        if stream.begun:
            raise InputError(
                f"{self._medium.path} is truncated", hint="copy it again, or make it anew"
            )

    def _pieces_of(self, stream: _Stream, data: bytes) -> Iterator[bytes]:
        stream.begun = True
        while True:
            piece = self._decode(stream.decoder, data)
            if piece:
                yield piece
            data = stream.decoder.unconsumed_tail
            if stream.decoder.eof or (not data and len(piece) < _OUTPUT):
                return

    def _check_ratio(self, at: int) -> None:
        if at > self._medium.most:
            raise InputError(
                f"{self._medium.path} expands to more than {_RATIO} times its size",
                hint="no image does that; where it is in order, unpack it with gunzip",
            )

    def _decode(self, decoder: Any, data: bytes) -> bytes:
        try:
            piece: bytes = decoder.decompress(data, _OUTPUT)
        except zlib.error as error:
            raise InputError(
                f"{self._medium.path} is damaged: {error}", hint="copy it again, or make it anew"
            ) from error
        return piece

    def _input(self, at: int) -> bytes:
        with guarded(f"cannot read {self._medium.path}"):
            return os.pread(self._medium.fd, _INPUT, at)


def _decoder() -> Any:
    return zlib.decompressobj(wbits=31)
