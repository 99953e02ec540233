"""gate: how many connections to one host help, found by measuring.

More while the total rate grows, fewer where the host complains. Callers may run as many threads
as they like; the gate holds the surplus back.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

START, MOST = 8, 16
_WINDOW_SECONDS = 0.2
_GAIN = 1.1
_HOLD_WINDOWS = 15


class Controller:
    """The pure logic: is told what was measured, says how many.

    It raises the number by half while that raises the rate by a tenth or more, steps back once
    where it does not, and tries again after a while. A complaint halves the number.
    """

    def __init__(self, start: int = START, most: int = MOST) -> None:
        self.limit, self._most = start, most
        self._lower = start
        self._rate_at_lower = 0.0
        self._hold = 0

    def measured(self, rate: float) -> None:
        """Take the rate of one window, bytes a second, in which all connections were in use."""
        if self._hold:
            self._hold -= 1
            if not self._hold:
                self._raise(rate)
        elif rate >= self._rate_at_lower * _GAIN:
            self._raise(rate)
        else:
            self.limit = self._lower
            self._hold = _HOLD_WINDOWS

    def _raise(self, rate: float) -> None:
        """Try more; what is measured next is compared with ``rate``."""
        self._lower, self._rate_at_lower = self.limit, rate
        self.limit = min(self._most, self.limit + max(1, self.limit // 2))

    def complained(self) -> None:
        """Take note that the host refused or broke off."""
        self.limit = self._lower = max(1, self.limit // 2)
        self._rate_at_lower = 0.0
        self._hold = _HOLD_WINDOWS


class Gate:
    """Lets so many threads at a time through as the controller says.

    Args:
        fixed: a number that is not to be found by measuring.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self._controller = None if fixed else Controller()
        self._fixed = fixed or 0
        self._condition, self._thread = threading.Condition(), threading.local()
        self._inside = 0
        self._opened = False
        self._bytes = 0
        self._window_began = time.monotonic()

    @property
    def limit(self) -> int:
        """How many may be inside now."""
        return self._controller.limit if self._controller else self._fixed

    @property
    def worth(self) -> int:
        """How many may prove of use: the most there may be, fewer while the host complains."""
        limit = self.limit
        return limit if self._controller is None or limit < START else MOST

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Wait until there is room, and take it."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def step_out(self) -> Iterator[None]:
        """Leave one's room to others while this thread waits for another host.

        Nothing that somebody inside may wait for must be held at the end, when there may be no
        room for a while.
        """
        if not getattr(self._thread, "is_inside", False):
            yield
            return
        self._leave()
        try:
            yield
        finally:
            self._enter()

    def _enter(self) -> None:
        with self._condition:
            while self._inside >= self.limit and not self._opened:
                self._condition.wait()
            self._inside += 1
        self._thread.is_inside = True

    def _leave(self) -> None:
        self._thread.is_inside = False
        with self._condition:
            self._inside -= 1
            self._condition.notify()

    def moved(self, count: int) -> None:
        """Count bytes; at the end of a window the controller hears of the rate."""
        with self._condition:
            self._bytes += count
            now = time.monotonic()
            seconds = now - self._window_began
            if seconds < _WINDOW_SECONDS:
                return
            if self._controller and self._inside >= self.limit:
                self._controller.measured(self._bytes / seconds)
                self._condition.notify_all()
            self._bytes, self._window_began = 0, now

    def open(self) -> None:
        """Hold nobody back any more: what comes will find that the run ends."""
        with self._condition:
            self._opened = True
            self._condition.notify_all()

    def complained(self) -> None:
        """Take note that the host refused or broke off."""
        with self._condition:
            if self._controller:
                self._controller.complained()
