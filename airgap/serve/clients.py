"""Clients: those who are connected, so many at the most.

Where there are as many as may be, the one that has been idle for longest goes for a new one; a
new one waits while all are busy. What waits is in the kernel's queue, and costs nothing here.
"""

import threading
import time
from collections.abc import Callable

HangUp = Callable[[], None]


class Clients:
    """Everybody who is connected. Thread-safe.

    Args:
        most: how many there may be at once.
        grace: the seconds for which an idle one may stay although others wait.
    """

    def __init__(self, most: int, grace: float) -> None:
        self._most, self._grace = most, grace
        self._all: set[Client] = set()
        self._idle: dict[Client, float] = {}
        self._going: set[Client] = set()
        self._changed = threading.Condition()
        self._stopped = False

    def admit(self, hang_up: HangUp) -> "Client | None":
        """Wait for room, and take a new client in; None once all is to end."""
        with self._changed:
            while not self._stopped and len(self._all) >= self._most:
                self._changed.wait(self._let_one_go())
            if self._stopped:
                return None
            client = Client(self, hang_up)
            self._all.add(client)
            self._idle[client] = time.monotonic()
            return client

    def wait_for_change(self, seconds: float) -> None:
        """Let the longest idle one go, and wait until somebody has left, or for some time."""
        with self._changed:
            self._let_one_go()
            self._changed.wait(seconds)

    def stop(self, seconds: float) -> None:
        """Let everybody go, and wait for that, ``seconds`` at the most."""
        with self._changed:
            self._stopped = True
            for client in self._all:
                client.hang_up()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._all, seconds)

    def _let_one_go(self) -> float | None:
        """Hang up on the longest idle one, unless one is going already.

        Returns:
            After how many seconds to look again; None: once something has changed.
        """
        oldest = next(iter(self._idle), None)
        if self._going or oldest is None:
            return None
        left = self._idle[oldest] + self._grace - time.monotonic()
        if left > 0:
            return left
        del self._idle[oldest]
        self._going.add(oldest)
        oldest.hang_up()
        return None

    def _mark(self, client: "Client", *, idle: bool) -> bool:
        with self._changed:
            if not idle:
                return self._idle.pop(client, None) is not None
            if client in self._going:
                return False
            self._idle[client] = time.monotonic()
            self._changed.notify_all()
            return not self._stopped

    def _leave(self, client: "Client") -> None:
        with self._changed:
            self._all.discard(client)
            self._going.discard(client)
            self._idle.pop(client, None)
            self._changed.notify_all()


class Client:
    """One of them, until it leaves."""

    def __init__(self, clients: Clients, hang_up: HangUp) -> None:
        self._clients, self.hang_up = clients, hang_up

    def idle(self) -> bool:
        """Say that it wants nothing now; False where it is to go."""
        return self._clients._mark(self, idle=True)

    def busy(self) -> bool:
        """Say that it wants something; False where it was let go meanwhile."""
        return self._clients._mark(self, idle=False)

    def leave(self) -> None:
        """Say that it has gone."""
        self._clients._leave(self)
