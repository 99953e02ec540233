"""Moves: how kept content gets to its new places inside one file, without a second copy.

Content is cut into pieces. A piece may move when its destination covers no other piece that
still waits; where pieces wait for each other in a circle, one of them goes to a scratch file
first. The order is worked out beforehand, as a list of steps.
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

PIECE = 4 << 20


@dataclass(frozen=True, slots=True)
class Move:
    """Bytes that go from one offset of the file to another."""

    source: int
    target: int
    size: int


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes:
        kind: ``copy`` within the file, ``spill`` to scratch, or ``fill`` from scratch.
        move: which bytes; ``spill`` uses its source only, ``fill`` its target.
        blob: the number of the move that was asked for.
        last: whether this completes that move.
    """

    kind: str
    move: Move
    blob: int
    last: bool


def order(moves: Sequence[Move], piece: int = PIECE) -> Iterator[Step]:
    """Put moves into an order that destroys nothing.

    Args:
        moves: neither their sources overlap each other nor their targets.
        piece: the largest number of bytes to copy at once, through memory.
    """
    return _Order(moves, piece).steps()


class _Order:
    def __init__(self, moves: Sequence[Move], piece: int) -> None:
        self.pieces = sorted(_cut(moves, piece), key=lambda p: p[0].source)
        self.left = [0] * len(moves)
        for _, blob in self.pieces:
            self.left[blob] += 1
        self.sources = [move.source for move, _ in self.pieces]
        self.blockers = [set(self._covered(i)) for i in range(len(self.pieces))]
        self.blocks: list[list[int]] = [[] for _ in self.pieces]
        for number, blockers in enumerate(self.blockers):
            for blocker in blockers:
                self.blocks[blocker].append(number)
        self.ready = [i for i, blockers in enumerate(self.blockers) if not blockers]
        self.spilled: set[int] = set()
        self.done: set[int] = set()
        self.first = 0

    def steps(self) -> Iterator[Step]:
        heapq.heapify(self.ready)
        while len(self.done) < len(self.pieces):
            if self.ready:
                yield from self._settle(heapq.heappop(self.ready))
            else:
                number = self._in_circle()
                yield self._step("spill", number)
                self.spilled.add(number)
                self._vacate(number)

    def _in_circle(self) -> int:
        """Return a piece of a circle: where none is ready, following blockers runs into one."""
        while self.first in self.done:
            self.first += 1
        number, seen = self.first, set[int]()
        while number not in seen:
            seen.add(number)
            number = min(self.blockers[number])
        return number

    def _settle(self, number: int) -> Iterator[Step]:
        self.done.add(number)
        self.left[self.pieces[number][1]] -= 1
        if number in self.spilled:
            yield self._step("fill", number)
        else:
            yield self._step("copy", number)
            self._vacate(number)

    def _vacate(self, number: int) -> None:
        """Let those go on that waited for this piece to leave its source."""
        for waiter in self.blocks[number]:
            self.blockers[waiter].discard(number)
            if not self.blockers[waiter]:
                heapq.heappush(self.ready, waiter)

    def _step(self, kind: str, number: int) -> Step:
        move, blob = self.pieces[number]
        return Step(kind, move, blob, last=kind != "spill" and not self.left[blob])

    def _covered(self, number: int) -> Iterator[int]:
        """Yield the other pieces whose sources the target of this one covers."""
        move = self.pieces[number][0]
        other = max(bisect_right(self.sources, move.target) - 1, 0)
        while other < len(self.pieces) and self.sources[other] < move.target + move.size:
            there = self.pieces[other][0]
            if other != number and there.source + there.size > move.target:
                yield other
            other += 1


def _cut(moves: Sequence[Move], piece: int) -> Iterable[tuple[Move, int]]:
    for blob, move in enumerate(moves):
        for start in range(0, move.size, piece):
            size = min(piece, move.size - start)
            yield Move(move.source + start, move.target + start, size), blob
