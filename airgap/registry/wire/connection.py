"""connection: one HTTP/1.1 connection (RFC 9112): a request goes out, a response comes in."""

import http.client
import io
import select
import socket
import time
from collections.abc import Iterable
from typing import cast

from airgap.registry.wire.line import Line
from airgap.registry.wire.permits import PERMITS
from airgap.registry.wire.tls import Stream

Headers = Iterable[tuple[bytes, bytes]]


class Connection:
    """A connection; for one thread at a time. OSError and http.client.HTTPException pass.

    Args:
        line: the socket.
        stream: what is read and written: the line, or TLS over it.
    """

    def __init__(self, line: Line, stream: Stream) -> None:
        self._line, self._stream = line, stream

    def send_head(self, method: bytes, target: bytes, headers: Headers) -> None:
        """Begin a request.

        Raises:
            ValueError: a header would end its line.
        """
        lines = [b"%b %b HTTP/1.1" % (method, target), *(b"%b: %b" % pair for pair in headers)]
        if any(b"\r" in line or b"\n" in line for line in lines):
            raise ValueError("a line break in a header")
        self._stream.send(b"\r\n".join([*lines, b"", b""]))

    def send(self, data: bytes | memoryview) -> None:
        """Send a piece of the request's body."""
        self._stream.send(data)

    def receive_head(self, method: str, seconds: float) -> http.client.HTTPResponse:
        """Read the head of a response, all of it within ``seconds``.

        Raises:
            TimeoutError: it did not come, or dripped.
        """
        reader = _Reader(self._line, self._stream, time.monotonic() + seconds)
        response = http.client.HTTPResponse(cast("socket.socket", reader), method=method)
        try:
            response.begin()
        except BaseException:
            response.close()
            raise
        reader.until = None
        return response

    @property
    def is_dropped(self) -> bool:
        """Whether the other side closed it, or speaks without being asked."""
        try:
            with PERMITS.hold() as scratch:
                return self._stream.take(memoryview(bytearray(1)), scratch) is not None
        except OSError:
            return True

    def close(self) -> None:
        """Close it."""
        self._line.close()


class _Reader(io.RawIOBase):
    """What http.client reads a response from, as if it were a socket.

    Attributes:
        until: the moment at which what is read now must have come; None: each byte renews it.
    """

    def __init__(self, line: Line, stream: Stream, until: float | None) -> None:
        self._line, self._stream, self.until = line, stream, until
        self._broken: OSError | None = None

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Wait for bytes, then read all that have come, as far as there is room."""
        while (count := self._take(buffer)) is None:
            until = self.until or time.monotonic() + self._line.idle
            self._line.wait(select.POLLIN, until)
        if self.until is not None and time.monotonic() > self.until:
            raise TimeoutError("it goes on and on")  # also where there is always something to read
        return count

    def _take(self, buffer: memoryview) -> int | None:
        """Read what has come; what came before an error counts, the error is told next time."""
        if self._broken:
            raise self._broken
        total = 0
        with PERMITS.hold() as scratch:
            while total < len(buffer):
                try:
                    count = self._stream.take(buffer[total:], scratch)
                except OSError as error:
                    if not total:
                        raise
                    self._broken = error
                    break
                if not count:
                    return total or count
                total += count
        return total
