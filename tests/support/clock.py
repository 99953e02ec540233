"""A clock that a test hands in: time passes when somebody waits, and at once."""

import threading


class FakeClock:
    """Implements Clock.

    Attributes:
        waits: the seconds of every wait, in order.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._now = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        with self._lock:
            return self._now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        with self._lock:
            self.waits.append(seconds)
            self._now += seconds
        return event.is_set()
