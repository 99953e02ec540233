"""Who fetches which bytes next: without threads, without a network, with sizes of the field."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airgap.bundle.partial.extents import Extents
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.pack.pieces import GRAIN, LARGE, SPREAD, Board, Job, NoParts, Piece
from airgap.transfer.stop import Stop, Stopped

MIB, GIB = 1 << 20, 1 << 30
ONE = Reference.parse("one.test/a:1")


class Counted:
    """A sink that keeps no bytes: it counts how often each one came."""

    def __init__(self, size: int, there: list[tuple[int, int]]) -> None:
        self.size, self.there, self.twice = size, Extents(there), 0

    def write(self, chunk: "Long", start: int) -> None:
        before = self.there.total
        self.there.add(start, start + len(chunk))
        self.twice += len(chunk) - (self.there.total - before)

    @property
    def offset(self) -> int:
        return self.there.front

    @property
    def held(self) -> int:
        return self.there.total

    def gaps(self) -> list[tuple[int, int]]:
        return self.there.gaps(self.size)

    def keep_front(self) -> int:
        before = self.held
        self.there = Extents([(0, self.offset)])
        return before - self.held


class Long:
    """Bytes that are only a number."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, part: slice) -> "Long":
        return Long(min(part.stop, self.count))


class Site:
    """A board, and how much came."""

    def __init__(self, connections: int = 16) -> None:
        self.connections, self.moved, self.stop = connections, 0, Stop()
        self.board = Board(lambda _: self.connections, self.stop, self._move)

    def _move(self, count: int) -> None:
        self.moved += count

    def job(
        self, size: int, there: list[tuple[int, int]] | None = None, at: Reference = ONE
    ) -> Job:
        blob = Descriptor("x/y", Digest.of(repr((size, at)).encode()), size)
        job = Job(blob, Counted(size, there or []), [at], whole=False)  # type: ignore[arg-type]
        self.board.add(job)
        return job

    def take(self) -> Piece:
        piece = self.board.take()
        assert piece
        return piece

    def begin(self) -> Piece:
        """Take a piece that its host gives as one."""
        piece = self.take()
        piece.answered(parts=True)
        return piece


def bring(piece: Piece, count: int) -> None:
    piece.take(Long(count))  # type: ignore[arg-type]


def finish(site: Site, piece: Piece) -> bool:
    bring(piece, piece.left)
    return site.board.done(piece)


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, LARGE])
def test_a_blob_of_up_to_32_mib_is_one_piece(size: int) -> None:
    site = Site()
    site.job(size)
    piece = site.take()
    assert (piece.at, piece.end) == (0, size)
    assert finish(site, piece)
    assert site.board.take() is None


def test_the_largest_comes_first() -> None:
    site = Site()
    sizes = [5, 9, 1, 7]
    for size in sizes:
        site.job(size * MIB)
    assert [site.take().end // MIB for _ in sizes] == [9, 7, 5, 1]


def test_pieces_are_large_at_first_and_8_mib_at_the_end() -> None:
    site = Site()
    site.job(2 * GIB)
    pieces = [site.begin()]
    while pieces[-1].end < 2 * GIB:
        pieces.append(site.take())
    sizes = [piece.left for piece in pieces]
    assert sizes[0] == 64 * MIB
    assert GRAIN <= sizes[-1] < 2 * GRAIN
    assert sizes[:-1] == sorted(sizes[:-1], reverse=True)
    assert [p.at for p in pieces[1:]] == [p.end for p in pieces[:-1]]
    assert len(pieces) < 2 * GIB / GRAIN / 2


def test_what_is_under_way_together_stays_within_reach() -> None:
    site = Site()
    site.job(100 * GIB)
    first = site.begin()
    others = [site.take() for _ in range(15)]
    assert others[-1].end - first.at <= SPREAD


def test_other_blobs_that_wait_make_pieces_larger() -> None:
    """Where all connections have work anyway, a request more wins nothing."""
    site = Site()
    for number in range(300):
        site.job(20 * MIB + number)
    site.job(60 * MIB)
    piece = site.take()
    assert (piece.at, piece.end) == (0, 60 * MIB)


@pytest.mark.parametrize("connections", [0, 1])
def test_one_connection_fetches_a_blob_as_a_whole(connections: int) -> None:
    site = Site(connections)
    site.job(2 * GIB)
    piece = site.take()
    assert (piece.at, piece.end) == (0, 2 * GIB)
    assert site.board.take() is None


def test_where_connections_are_few_pieces_are_fewer() -> None:
    def count(connections: int) -> int:
        site = Site(connections)
        site.job(8 * GIB)
        number, piece = 1, site.begin()
        while piece.end < 8 * GIB:
            piece, number = site.take(), number + 1
        return number

    assert count(2) < count(16) / 2


def test_nothing_but_one_piece_is_asked_of_a_host_that_nobody_knows() -> None:
    site = Site()
    site.job(GIB)
    first = site.take()
    site.stop.set()
    with pytest.raises(Stopped):  # it would wait, which is what the stop ends
        site.board.take()
    assert first.end < GIB


def test_what_one_blob_taught_of_a_host_holds_for_all() -> None:
    site, other = Site(), Reference.parse("two.test/b:1")
    jobs = [site.job(GIB), site.job(GIB + 1), site.job(GIB - 1, at=other)]
    site.begin()
    taken = [site.take().job for _ in range(5)]
    assert taken.count(jobs[2]) == 1
    assert set(taken) == set(jobs)


def test_a_host_that_gives_whole_blobs_is_asked_once_for_each() -> None:
    site = Site()
    sizes = [3 * GIB, 2 * GIB, GIB]
    for size in sizes:
        site.job(size)
    first = site.take()
    first.answered(parts=False)
    assert (first.at, first.end) == (0, 3 * GIB)
    assert [(p.at, p.end) for p in (site.take(), site.take())] == [(0, 2 * GIB), (0, GIB)]
    assert site.board.take() is None


def test_a_whole_blob_begins_where_the_front_ends() -> None:
    site = Site()
    job = site.job(GIB, [(0, 10), (500 * MIB, 600 * MIB)])
    piece = site.take()
    assert piece.at == 10
    piece.answered(parts=False)
    assert piece.end == GIB
    assert site.moved == -100 * MIB
    finish(site, piece)
    assert job.sink.gaps() == []


def test_a_host_that_changes_its_mind_ends_the_other_pieces() -> None:
    site = Site()
    job = site.job(GIB)
    pieces = [site.begin(), site.take(), site.take()]
    for piece in pieces:
        bring(piece, MIB)
    with pytest.raises(NoParts):
        pieces[1].answered(parts=False)
    for piece in pieces:
        before = piece.at
        bring(piece, MIB)
        assert piece.at == piece.end == before
        piece.answered(parts=False)
    assert [site.board.done(piece) for piece in pieces] == [False, False, True]
    assert job.interrupted
    site.board.add(job)
    rest = site.take()
    assert (rest.at, rest.end) == (MIB, GIB)
    assert finish(site, rest)
    assert site.board.take() is None


def test_half_is_taken_of_what_is_left_and_nothing_that_came() -> None:
    site = Site(2)
    job = site.job(GIB)
    slow = site.begin()
    end = slow.end
    bring(slow, 10 * MIB)
    while job.gaps:
        finish(site, site.take())
    stolen = site.take()
    assert stolen.end == end
    assert stolen.at == slow.end == end - (end - 10 * MIB) // 2
    finish(site, stolen)
    finish(site, slow)
    assert job.sink.twice == 0  # type: ignore[attr-defined]


def test_less_than_16_mib_is_not_cut() -> None:
    site = Site()
    job = site.job(LARGE + 1)
    pieces = [site.begin()]
    while job.gaps:
        pieces.append(site.take())
    assert all(GRAIN <= piece.left < 2 * GRAIN for piece in pieces)
    assert site.board.take() is None


def test_what_an_earlier_run_left_is_not_asked_for() -> None:
    site = Site()
    there = [(0, 100 * MIB), (200 * MIB, 300 * MIB)]
    site.job(GIB, there)
    piece = site.begin()
    assert piece.at == 100 * MIB
    asked = Extents([(piece.at, piece.end)])
    while asked.total < GIB - 200 * MIB:
        piece = site.take()
        asked.add(piece.at, piece.end)
    assert list(asked) == [(100 * MIB, 200 * MIB), (300 * MIB, GIB)]


def test_withdrawn_pieces_take_nothing_more() -> None:
    site = Site()
    job = site.job(GIB)
    pieces = [site.begin(), site.take()]
    site.board.withdraw(job)
    moved = site.moved
    for piece in pieces:
        bring(piece, MIB)
    assert site.moved == moved
    assert [site.board.done(piece) for piece in pieces] == [False, True]
    assert site.board.take() is None


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 100_000))
def test_whatever_happens_each_byte_is_fetched_once(seed: int) -> None:
    """Connections of any speed; pieces never too many, and nobody leaves while one is needed."""
    chance = random.Random(seed)
    connections = chance.choice([1, 2, 5, 16])
    site = Site(connections)
    sizes = [chance.choice([MIB, 40 * MIB, 300 * MIB, GIB]) + n for n in range(3)]
    there = [[(0, chance.randrange(s)), (s // 2, s // 2 + chance.randrange(s // 2))] for s in sizes]
    jobs = [site.job(size, held) for size, held in zip(sizes, there, strict=True)]
    missing = [sum(b - a for a, b in job.sink.gaps()) for job in jobs]
    pieces: list[Piece] = []
    count, finished = 0, set[int]()
    while True:
        waits = any(p.job.gaps for p in pieces) and not site.board._waiting
        if len(pieces) < 16 and not waits and (piece := site.board.take()):
            count += 1
            pieces.append(piece)
        if not pieces:
            break
        piece = chance.choice(pieces)
        piece.answered(parts=True)
        bring(piece, chance.randrange(1, 20 * MIB))
        if not piece.left:
            pieces.remove(piece)
            if site.board.done(piece):
                finished.add(jobs.index(piece.job))
    assert finished == {0, 1, 2}
    assert all(not job.sink.gaps() for job in jobs)
    assert all(job.sink.twice == 0 for job in jobs)  # type: ignore[attr-defined]
    small = [job.blob.size <= LARGE for job in jobs]
    most = [1 if s else m / GRAIN + 2 for s, m in zip(small, missing, strict=True)]
    assert count <= sum(most)
