"""pool: connections that wait for their next request.

One that the other side has closed meanwhile is no error, and not worth a word: it is left out.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable

from airgap.registry.wire.connection import Connection

Origin = tuple[str, str, int]
"""Scheme, host and port."""
_REST_SECONDS = 15.0
"""Servers close what rests for long: this is less than what is usual with any of them."""


class Pool:
    """The connections of a transport that are not in use. Thread-safe.

    Args:
        clock: tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._resting: dict[Origin, list[tuple[float, Connection]]] = defaultdict(list)

    def take(self, origin: Origin) -> Connection | None:
        """Return a connection that can be used, None where there is none."""
        while True:
            with self._lock:
                if not self._resting[origin]:
                    return None
                since, connection = self._resting[origin].pop()
            if self._clock() - since < _REST_SECONDS and not connection.is_dropped:
                return connection
            connection.close()

    def give(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose response was read to its end."""
        with self._lock:
            self._resting[origin].append((self._clock(), connection))

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for resting in self._resting.values():
                for _, connection in resting:
                    connection.close()
            self._resting.clear()
