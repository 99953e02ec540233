"""Extents: which bytes are there, as ranges that neither overlap nor touch."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""The first byte, and the one after the last."""


class Extents:
    """Ranges of bytes in order; for one thread at a time."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in ranges:
            self.add(start, end)

    def __iter__(self) -> Iterator[Range]:
        return zip(self._starts, self._ends, strict=True)

    def __bool__(self) -> bool:
        return bool(self._starts)

    @property
    def front(self) -> int:
        """How many bytes are there from the first on."""
        return self._ends[0] if self._starts and not self._starts[0] else 0

    @property
    def end(self) -> int:
        """The byte after the last one that is there."""
        return self._ends[-1] if self._ends else 0

    @property
    def total(self) -> int:
        """How many bytes are there."""
        return sum(self._ends) - sum(self._starts)

    def add(self, start: int, end: int) -> None:
        """Add a range; it may cover what is there already."""
        if start >= end:
            return
        first, last = bisect_left(self._ends, start), bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]

    def overlaps(self, others: Iterable[Range]) -> bool:
        """Tell whether a byte of other ranges is there."""
        return any(
            (at := bisect_right(self._ends, start)) < len(self._starts) and self._starts[at] < end
            for start, end in others
        )

    def gaps(self, size: int) -> list[Range]:
        """Return the ranges below ``size`` that are not there."""
        ends, starts = [0, *self._ends], [*self._starts, size]
        return [
            (start, min(end, size))
            for start, end in zip(ends, starts, strict=True)
            if start < min(end, size)
        ]
