"""Stop: one value that tells all threads of a run that it ends, and the clock they wait by."""

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Stopped(Exception):  # noqa: N818  (nothing went wrong here)
    """Ends what one thread does because the run ends: another failed, or somebody ended it."""


class Clock(Protocol):
    """What time it is, and how to let it pass."""

    def now(self) -> float:
        """Return seconds that only grow."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, ``seconds`` at the most; True where it is."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, ``seconds`` at the most; True where it is."""
        return event.wait(seconds)


class Stop:
    """Handed to whoever may wait; thread-safe.

    Args:
        clock: what `wait` waits by.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def is_set(self) -> bool:
        """Whether the run ends."""
        return self._event.is_set()

    def set(self) -> None:
        """End the run: all waits end, and who asked to be told is told, once."""
        with self._lock:
            self._event.set()
            told, self._callbacks = self._callbacks, []
        for callback in told:
            callback()

    def then(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the run ends; at once where it ends already.

        It breaks what cannot hear of the end by itself, such as a read from a socket.
        """
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def check(self) -> None:
        """Raise where the run ends.

        Raises:
            Stopped: it does.
        """
        if self._event.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass.

        Raises:
            Stopped: the run ends, before or meanwhile.
        """
        if self._event.is_set() or self.clock.wait(self._event, seconds):
            raise Stopped
