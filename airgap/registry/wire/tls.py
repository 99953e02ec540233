"""tls: TLS over another stream, which may be TLS itself: a proxy's.

The records lie in memory, so one read of the socket brings many of them, and one write takes
many away: Python's own TLS socket asks the system twice for each record of 16 KiB.
"""

import select
import ssl
import time
from typing import Protocol

from airgap.registry.wire.line import Line
from airgap.registry.wire.permits import PERMITS

_PIECE = 256 << 10


class Stream(Protocol):
    """Bytes to and from the other end; for one thread at a time. OSError passes."""

    def take(self, buffer: memoryview, scratch: memoryview) -> int | None:
        """Read what has come into ``buffer``: 0 at the end, None where nothing has come.

        Never waits; works in ``scratch``, of which nothing is kept.
        """

    def send(self, data: bytes | memoryview) -> None:
        """Send all of ``data``."""


class Tls:
    """A stream that is encrypted over another one; the handshake is done when it is there.

    Args:
        below: carries the records.
        line: the socket below all of it, for the waits.
        context: what is trusted.
        host: whose certificate is expected.
        until: the moment of time.monotonic at which the handshake must be done.

    Raises:
        ssl.SSLError: the certificate is not valid, or the other side speaks no TLS.
        OSError: the connection failed.
    """

    def __init__(
        self, below: Stream, line: Line, context: ssl.SSLContext, host: str, until: float
    ) -> None:
        self._below = below
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        while not self._shake():
            line.wait(select.POLLIN, min(until, time.monotonic() + line.idle))

    def _shake(self) -> bool:
        """Go on with the handshake; False where the other side is to speak first."""
        with PERMITS.hold() as scratch:
            while True:
                try:
                    self._tls.do_handshake()
                except ssl.SSLWantReadError:
                    self._flush()
                    if not self._fill(scratch):
                        return False
                else:
                    self._flush()
                    return True

    def take(self, buffer: memoryview, scratch: memoryview) -> int | None:
        """Read what has come; see `Stream.take`."""
        while True:
            try:
                count = self._tls.read(len(buffer), buffer)
            except ssl.SSLWantReadError:
                if not self._fill(scratch):
                    return None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return 0  # many servers leave without a word: lengths and digests tell
            else:
                return int(count)
            finally:
                if self._out.pending:  # a new key, perhaps, is to be confirmed
                    self._flush()

    def send(self, data: bytes | memoryview) -> None:
        """Send all of ``data``."""
        view = memoryview(data)
        while view:
            piece, view = view[:_PIECE], view[_PIECE:]
            with PERMITS.hold():
                while piece:  # one record at a time goes in
                    piece = piece[self._tls.write(piece) :]
            self._flush()

    def _fill(self, scratch: memoryview) -> bool:
        """Fetch records from below; False where none have come."""
        half = len(scratch) // 2
        count = self._below.take(scratch[:half], scratch[half:])
        if count:
            self._in.write(scratch[:count])
        elif count == 0:
            self._in.write_eof()
        return count is not None

    def _flush(self) -> None:
        while self._out.pending:
            self._below.send(self._out.read())
