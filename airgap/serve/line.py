"""Line: the bytes of one connection; every wait has an end."""

import errno
import os
import select
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from airgap.errors import InputError
from airgap.files.failures import resource_error
from airgap.serve.answer import Refusal
from airgap.serve.head import end_of_head

PIECE = 256 << 10
_READ = 16 << 10
_DRAIN = 64 << 20
_NO_SENDFILE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds a client may take.

    Attributes:
        head: for a request's head, from its first byte on, and for the first one.
        idle: between two requests.
        piece: to take 256 KiB of an answer.
        drain: to stop sending what nobody reads, before the connection is closed.
    """

    head: float = 30
    idle: float = 60
    piece: float = 60
    drain: float = 5


class Line:
    """One connection.

    Args:
        sock: the socket; it stays the caller's to close.
        patience: how long to wait for the client.

    Attributes:
        is_plain: whether the kernel may send files into it: it is not encrypted.
        sent: bytes that went out.
    """

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock, self._patience = sock, patience
        self._buffer = bytearray()
        self._first = True
        self.is_plain = not isinstance(sock, ssl.SSLSocket)
        self.sent = 0

    def read_head(self) -> bytes:
        """Return the next head; empty where the client has left or keeps silent.

        Raises:
            Refusal: what comes is no head, or it comes too slowly.
            OSError: the connection broke.
        """
        patience = self._patience
        deadline = time.monotonic() + (patience.head if self._first else patience.idle)
        self._first = False
        begun, looked = False, 0
        while True:
            if self._buffer.startswith((b"\r", b"\n")):  # RFC 9112, section 2.2
                self._buffer = self._buffer.lstrip(b"\r\n")
            if end := end_of_head(self._buffer, looked):
                head = bytes(self._buffer[:end])
                del self._buffer[:end]
                return head
            if self._buffer and not begun:
                begun, deadline = True, time.monotonic() + patience.head
            looked = len(self._buffer)
            try:
                data = self._receive(deadline)
            except TimeoutError as error:
                if not self._buffer:
                    return b""
                message = "the request took too long"
                status = HTTPStatus.REQUEST_TIMEOUT
                raise Refusal(status, "UNSUPPORTED", message, close=True) from error
            if not data:
                return b""
            self._buffer += data

    def write(self, data: bytes | memoryview, *, more: bool = False) -> None:
        """Send bytes; ``more`` follow at once.

        Raises:
            OSError: the client has left, or takes too long.
        """
        self._sock.settimeout(self._patience.piece)
        self.sent += len(data)
        done = self._sock.send(data, socket.MSG_MORE) if more and self.is_plain else 0
        if done < len(data):
            self._sock.sendall(memoryview(data)[done:])

    def write_file(self, fd: int, at: int, count: int) -> int:
        """Let the kernel send bytes of a file; return how many, fewer where it cannot.

        Raises:
            InputError: the file ends before.
            ResourceError: the medium cannot be read.
            OSError: the client has left, or takes too long.
        """
        self._sock.settimeout(self._patience.piece)
        out, begin, end = self._sock.fileno(), at, at + count
        try:
            while at < end:
                at = self._write_piece(out, fd, at, min(at + PIECE, end))
        except (ConnectionError, TimeoutError):
            raise
        except OSError as error:
            if error.errno not in _NO_SENDFILE or at > begin:
                raise resource_error(error, "cannot read a blob") from error
        self.sent += at - begin
        return at - begin

    def drain(self) -> None:
        """End the connection so that a client which still sends reads the answer first."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + self._patience.drain
            left = _DRAIN
            while left > 0 and (data := self._receive(deadline)):
                left -= len(data)

    def _receive(self, deadline: float) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._sock.recv(_READ)

    def _write_piece(self, out: int, fd: int, at: int, end: int) -> int:
        deadline = time.monotonic() + self._patience.piece
        while at < end:
            try:
                sent = os.sendfile(out, fd, at, end - at)
            except BlockingIOError:
                _wait(out, deadline)
                continue
            if not sent:
                raise InputError("a blob became shorter while it was read")
            at += sent
        return at


def _wait(fd: int, deadline: float) -> None:
    """Wait until more can be sent."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
        raise TimeoutError
