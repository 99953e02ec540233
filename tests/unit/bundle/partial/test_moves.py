"""Moves destroy nothing: whatever the permutation, all content arrives, through little scratch."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from airgap.bundle.partial.moves import Move, order

PIECE = 4


def carry_out(moves, before):
    """Carry the steps out on a copy of the file; return it and the largest scratch."""
    after, scratch, most = bytearray(before), {}, 0
    completed = []
    for step in order(moves, PIECE):
        move = step.move
        assert move.size <= PIECE
        if step.kind == "fill":
            after[move.target : move.target + move.size] = scratch.pop(move)
        else:
            data = after[move.source : move.source + move.size]
            if step.kind == "spill":
                scratch[move] = data
                most = max(most, sum(len(piece) for piece in scratch.values()))
            else:
                after[move.target : move.target + move.size] = data
        if step.last:
            completed.append(step.blob)
    assert sorted(completed) == list(range(len(moves)))
    assert not scratch
    return after, most


def laid_out(sizes, gaps, seed):
    """Return moves from one packing of blobs to another, in another order with other gaps."""
    numbers = list(range(len(sizes)))
    rng = random.Random(seed)

    def offsets():
        found, at = {}, 0
        for number in rng.sample(numbers, len(numbers)):
            at += rng.choice(gaps)
            found[number] = at
            at += sizes[number]
        return found, at

    sources, end = offsets()
    targets, other_end = offsets()
    moves = [Move(sources[n], targets[n], sizes[n]) for n in numbers]
    return moves, max(end, other_end)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(1, 23), min_size=1, max_size=12),
    st.lists(st.integers(0, 9), min_size=1, max_size=4),
    st.integers(0, 1000),
)
def test_every_blob_arrives(sizes, gaps, seed):
    moves, end = laid_out(sizes, gaps, seed)
    before = random.Random(seed).randbytes(end)
    after, _ = carry_out(moves, before)
    for move in moves:
        there = after[move.target : move.target + move.size]
        assert there == before[move.source : move.source + move.size]


def test_shifts_need_no_scratch():
    before = random.Random(1).randbytes(1000)
    for shift in (-7, -1, 1, 7):
        moves = [Move(10 + 40 * i, 10 + 40 * i + shift, 40) for i in range(20)]
        _, most = carry_out(moves, before)
        assert most == 0


def test_a_swap_needs_one_piece_of_scratch():
    before = random.Random(2).randbytes(200)
    after, most = carry_out([Move(0, 100, 100), Move(100, 0, 100)], before)
    assert after == before[100:] + before[:100]
    assert most <= 2 * PIECE
