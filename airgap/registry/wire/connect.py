"""connect: a socket to a host that has several addresses, of which some may lead nowhere.

As RFC 8305 has it: the addresses are tried one soon after the other, not one instead of the
other, and the first that answers is taken. Which one that was is remembered.
"""

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from itertools import chain, zip_longest
from typing import Any

from airgap.registry.wire.line import Breaker, Line

_STAGGER_SECONDS = 0.25
"""How long an address is alone; RFC 8305, section 8."""
Address = tuple[socket.AddressFamily, Any]
Resolve = Callable[[str, int], Sequence[Address]]


def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a host, the families taking turns. OSError passes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [(family, address) for family, _, _, _, address in found]
    first = [a for a in addresses if a[0] == addresses[0][0]]
    others = [a for a in addresses if a[0] != addresses[0][0]]
    return [a for a in chain(*zip_longest(first, others)) if a]


class Connector:
    """Makes sockets; remembers for each host the address that answered. Thread-safe.

    Args:
        breaker: ends the waits.
        idle: seconds without a byte after which a socket fails.
        resolve: looks addresses up.
    """

    def __init__(self, breaker: Breaker, idle: float, resolve: Resolve = resolve) -> None:
        self._breaker, self._idle, self._resolve = breaker, idle, resolve
        self._answered: dict[tuple[str, int], Address] = {}

    def connect(self, host: str, port: int, until: float) -> Line:
        """Return a connected socket.

        Raises:
            OSError: no address answers, or the host has none.
            TimeoutError: none answered until that moment of time.monotonic.
        """
        known = self._answered.get((host, port))
        if known:
            with contextlib.suppress(OSError):
                return self._race([known], min(until, time.monotonic() + 4 * _STAGGER_SECONDS))[1]
        answered, line = self._race(self._resolve(host, port), until)
        self._answered[host, port] = answered
        return line

    def _race(self, addresses: Sequence[Address], until: float) -> tuple[Address, Line]:
        """Try each address a moment after the one before; the first that answers wins."""
        waiting, racing = list(addresses), dict[int, tuple[Address, Line]]()
        last: OSError = OSError("it has no address")
        try:
            while waiting or racing:
                if waiting:
                    last = self._start(waiting.pop(0), racing) or last
                for fd in self._ready(racing, until, stagger=bool(waiting)):
                    address, line = racing.pop(fd)
                    error = line.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if not error:
                        line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        return address, line
                    line.close()
                    last = OSError(error, os.strerror(error))
            raise last
        finally:
            for _, line in racing.values():
                line.close()

    def _start(self, address: Address, racing: dict[int, tuple[Address, Line]]) -> OSError | None:
        """Begin to connect; return why that cannot even be tried."""
        try:
            line = Line(socket.socket(address[0], socket.SOCK_STREAM), self._breaker, self._idle)
        except OSError as error:  # this system has no such family
            return error
        try:
            line.sock.connect(address[1])
        except BlockingIOError:
            pass
        except OSError as error:
            line.close()
            return error
        racing[line.sock.fileno()] = address, line
        return None

    def _ready(
        self, racing: dict[int, tuple[Address, Line]], until: float, *, stagger: bool
    ) -> list[int]:
        """Wait until one has succeeded or failed, or it is time to start the next."""
        if not racing:
            return []
        now = time.monotonic()
        end = min(until, now + _STAGGER_SECONDS) if stagger else until
        poll = select.poll()
        poll.register(self._breaker.fd, select.POLLIN)
        for fd in racing:
            poll.register(fd, select.POLLOUT)
        ready = [fd for fd, _ in poll.poll(max(0.0, end - now) * 1000)]
        if self._breaker.fd in ready:
            raise ConnectionAbortedError("the run ends")
        if not ready and time.monotonic() >= until:
            raise TimeoutError("it does not answer")
        return ready
