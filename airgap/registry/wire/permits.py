"""permits: as many threads decrypt at a time as there are cores.

A TLS record is 16 KiB, and each one costs a call that gives the interpreter's lock away and
waits to get it back. Sixteen threads that do so fight for the lock; as many as there are cores
do not. Whoever waits for the network holds no permit.
"""

import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager

_SCRATCH = 512 << 10


class Permits:
    """A few pieces of memory to work in: who holds one may work."""

    def __init__(self, count: int) -> None:
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(memoryview(bytearray(_SCRATCH)))

    @contextmanager
    def hold(self) -> Iterator[memoryview]:
        """Wait for a permit, and lend its memory for the time of a block."""
        scratch = self._free.get()
        try:
            yield scratch
        finally:
            self._free.put(scratch)


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


PERMITS = Permits(cores())
