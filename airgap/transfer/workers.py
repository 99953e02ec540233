"""workers: the one way to run many things at a time.

What fails in a way that the next item need not share is collected. All else is fatal: it ends the
run at the moment it happens, whatever place its item has in the list.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from airgap.errors import AirgapError, InputError, NetworkError, TrustError
from airgap.transfer.stop import Stop, Stopped

MOST = 16
"""Threads where nothing else is said: an end holds back the connections that do not help."""
OWN = (InputError, NetworkError, TrustError)
"""The failures that are one item's own affair; a full disk, for one, is everybody's."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T, R]):
    """How it went, both in the order of the items.

    Attributes:
        done: items with what the function returned for them.
        failed: items with their own failure.
    """

    done: list[tuple[T, R]] = field(default_factory=list)
    failed: list[tuple[T, AirgapError]] = field(default_factory=list)


def each(
    function: Callable[[T], R], items: Iterable[T], stop: Stop, *, most: int = MOST
) -> Outcome[T, R]:
    """Call a function for each item, many at a time.

    Args:
        function: is called in threads.
        items: what with.
        stop: is set at the first fatal failure, so that the other threads end soon.
        most: threads at a time.

    Raises:
        Stopped: somebody else set ``stop``.
        BaseException: the first fatal failure: any that is none of `OWN`. Items that were not
            begun are not begun any more.
    """
    run = _Run(function, items, stop)
    with ThreadPoolExecutor(most, "each") as pool:
        workers = _begun(pool, run.work, min(most, len(run.items)))
        try:
            wait(workers, return_when=FIRST_EXCEPTION)
        except BaseException:  # Ctrl-C reaches the thread that waits
            stop.set()
            raise
    if run.fatal:
        raise run.fatal[0]
    return run.outcome()


def _begun(pool: ThreadPoolExecutor, work: Callable[[], None], number: int) -> "list[Future[None]]":
    """Begin so many threads, or as many as this host allows.

    Raises:
        RuntimeError: it allows none.
    """
    begun: list[Future[None]] = []
    for _ in range(number):
        try:
            begun.append(pool.submit(work))
        except RuntimeError:
            if not begun:
                raise
            break
    return begun


class _Run(Generic[T, R]):
    """Items from which each thread takes the next, and one slot for what became of each."""

    def __init__(self, function: Callable[[T], R], items: Iterable[T], stop: Stop) -> None:
        self._function, self._stop = function, stop
        self.items = list(items)
        self.fatal: list[BaseException] = []
        self._results: list[R | AirgapError | None] = [None] * len(self.items)
        self._next = iter(range(len(self.items)))  # next() of it is one step: no lock is needed
        self._lock = threading.Lock()

    def work(self) -> None:
        try:
            for number in self._next:
                self._stop.check()
                self._results[number] = self._one(self.items[number])
        except BaseException as error:
            with self._lock:
                # Whoever was stopped was stopped by the first.
                if not self.fatal or isinstance(self.fatal[0], Stopped):
                    self.fatal[:] = [error]
            self._stop.set()
            raise

    def _one(self, item: T) -> R | AirgapError:
        try:
            return self._function(item)
        except OWN as error:
            return error

    def outcome(self) -> Outcome[T, R]:
        found: Outcome[T, R] = Outcome()
        for item, result in zip(self.items, self._results, strict=True):
            if isinstance(result, AirgapError):
                found.failed.append((item, result))
            else:
                found.done.append((item, cast("R", result)))
        return found
