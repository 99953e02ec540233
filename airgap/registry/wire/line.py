"""line: a socket whose every wait has an end, by the clock or by who ends the run."""

import os
import select
import socket
import threading
import time

_SLOWEST = 1 << 10
"""Bytes a second: what is sent more slowly is given up."""


class Breaker:
    """Ends the waits of all lines at once, those to come as well. Thread-safe.

    A pipe that all of them watch: it becomes readable when its other end is closed.
    """

    def __init__(self) -> None:
        self.fd, self._other = os.pipe()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End all waits; each raises ConnectionAbortedError."""
        with self._lock:
            if self._other >= 0:
                os.close(self._other)
                self._other = -1

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._other < 0

    def __del__(self) -> None:
        self.stop()
        os.close(self.fd)


class Line:
    """The bytes of one socket; for one thread at a time. OSError passes.

    Args:
        sock: connected, or on its way to be.
        breaker: ends the waits.
        idle: seconds without a byte after which a wait fails.
    """

    def __init__(self, sock: socket.socket, breaker: Breaker, idle: float) -> None:
        sock.setblocking(False)
        self.sock, self.idle = sock, idle
        self._breaker = breaker

    def wait(self, event: int, until: float) -> None:
        """Wait for ``event`` of select.poll, until a moment of time.monotonic.

        Raises:
            TimeoutError: the moment came.
            ConnectionAbortedError: the run ends.
        """
        poll = select.poll()
        poll.register(self.sock, event)
        poll.register(self._breaker.fd, select.POLLIN)
        ready = poll.poll(max(0.0, until - time.monotonic()) * 1000)
        if any(fd == self._breaker.fd for fd, _ in ready):
            raise ConnectionAbortedError("the run ends")
        if not ready:
            raise TimeoutError("nothing moved in time")

    def take(self, buffer: memoryview, _scratch: memoryview) -> int | None:
        """Read what has come into ``buffer``: 0 at the end, None where nothing has come."""
        try:
            return self.sock.recv_into(buffer)
        except BlockingIOError:
            return None

    def send(self, data: bytes | memoryview) -> None:
        """Send all of ``data``."""
        view = memoryview(data)
        until = time.monotonic() + self.idle + len(view) / _SLOWEST
        while view:
            try:
                view = view[self.sock.send(view) :]
            except BlockingIOError:
                self.wait(select.POLLOUT, min(until, time.monotonic() + self.idle))

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()
