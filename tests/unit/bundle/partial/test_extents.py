"""Extents against a set of bytes, which is what they mean."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgap.bundle.partial.extents import Extents

SIZE = 40
RANGES = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)), max_size=12)


def meant(ranges: list[tuple[int, int]]) -> set[int]:
    return {byte for start, end in ranges for byte in range(start, end)}


@given(RANGES)
def test_they_say_which_bytes_are_there(ranges: list[tuple[int, int]]) -> None:
    found, there = Extents(ranges), meant(ranges)
    assert meant(list(found)) == there
    assert found.total == len(there)
    assert bool(found) == bool(there)
    assert found.end == max(there, default=-1) + 1
    assert found.front == next(byte for byte in range(SIZE + 1) if byte not in there)
    assert meant(found.gaps(SIZE)) == set(range(SIZE)) - there


@given(RANGES)
def test_they_are_in_order_and_do_not_touch(ranges: list[tuple[int, int]]) -> None:
    found = list(Extents(ranges))
    assert all(start < end for start, end in found)
    assert all(one[1] < other[0] for one, other in pairwise(found))


@given(RANGES, st.randoms(use_true_random=False))
def test_the_order_of_adding_does_not_matter(ranges: list[tuple[int, int]], chance) -> None:  # type: ignore[no-untyped-def]
    shuffled = ranges[:]
    chance.shuffle(shuffled)
    assert list(Extents(shuffled)) == list(Extents(ranges))


@given(RANGES, st.integers(0, SIZE))
def test_gaps_and_extents_make_the_whole(ranges: list[tuple[int, int]], size: int) -> None:
    found = Extents(ranges)
    for start, end in found.gaps(size):
        found.add(start, end)
    assert found.front >= size
    assert not found.gaps(size)


@pytest.mark.parametrize(
    ("ranges", "gaps"),
    [([], [(0, 9)]), ([(0, 9)], []), ([(2, 4)], [(0, 2), (4, 9)]), ([(4, 12)], [(0, 4)])],
)
def test_gaps(ranges: list[tuple[int, int]], gaps: list[tuple[int, int]]) -> None:
    assert Extents(ranges).gaps(9) == gaps
