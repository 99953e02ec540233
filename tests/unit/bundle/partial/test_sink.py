"""A blob arrives in any order, from several threads, and is proved as a whole."""

import itertools
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airgap.bundle.partial.journal import Held
from airgap.bundle.partial.sink import BlobSink, DigestMismatch
from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest

MIB = 1 << 20
AT = 512


class Memory:
    """A partial file in memory, which counts what is read back."""

    def __init__(self) -> None:
        self.bytes = bytearray(AT)
        self.noted: list[Held] = []
        self.flushed: list[tuple[int, int]] = []
        self.read = 0

    def put(self, data: bytes | memoryview, offset: int) -> None:
        self.bytes.extend(bytes(max(0, offset + len(data) - len(self.bytes))))
        self.bytes[offset : offset + len(data)] = data

    def get(self, buffer: memoryview, offset: int) -> int:
        found = self.bytes[offset : offset + len(buffer)]
        buffer[: len(found)] = found
        self.read += len(found)
        return len(found)

    def begin_flush(self, offset: int, count: int) -> None:
        self.flushed.append((offset, offset + count))

    def note(self, _: Digest, held: Held) -> None:
        self.noted.append(held)


def made(content: bytes) -> tuple[Memory, BlobSink]:
    memory = Memory()
    return memory, BlobSink(memory, Descriptor("x/y", Digest.of(content), len(content)), AT)


@settings(deadline=None)
@given(st.lists(st.integers(1, 2000), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_blob(lengths: list[int], chance: random.Random) -> None:
    content = chance.randbytes(sum(lengths))
    memory, sink = made(content)
    ends = [sum(lengths[: n + 1]) for n in range(len(lengths))]
    pieces = list(zip([0, *ends], ends, strict=False))
    chance.shuffle(pieces)
    for number, (start, end) in enumerate(pieces):
        sink.write(memoryview(content)[start:end], start)
        assert sink.held == sum(b - a for a, b in pieces[: number + 1])
    sink.finish()
    assert sink.complete
    assert memory.bytes[AT:] == content


def test_what_arrives_in_order_is_not_read_back() -> None:
    content = random.Random(1).randbytes(3 * MIB)
    memory, sink = made(content)
    for start in range(0, len(content), MIB):
        sink.write(memoryview(content)[start : start + MIB])
    sink.finish()
    assert memory.read == 0


def test_what_arrived_early_is_read_back_once() -> None:
    content = random.Random(1).randbytes(3 * MIB)
    memory, sink = made(content)
    sink.write(memoryview(content)[MIB : 2 * MIB], MIB)
    sink.write(memoryview(content)[:MIB], 0)
    assert memory.read == MIB
    sink.write(memoryview(content)[2 * MIB :], 2 * MIB)
    sink.finish()
    assert memory.read == MIB


def test_one_write_reads_back_a_bounded_part() -> None:
    content = random.Random(1).randbytes(20 * MIB)
    memory, sink = made(content)
    sink.write(memoryview(content)[MIB:], MIB)
    sink.write(memoryview(content)[:MIB], 0)
    assert memory.read == 4 * MIB
    sink.finish()
    assert memory.read == 19 * MIB


def test_threads_fill_it_at_once() -> None:
    content = random.Random(2).randbytes(8 * MIB)
    memory, sink = made(content)

    def fill(start: int) -> None:
        for at in range(start, start + MIB, 10_000):
            sink.write(memoryview(content)[at : min(at + 10_000, start + MIB)], at)

    threads = [threading.Thread(target=fill, args=(n * MIB,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.finish()
    assert memory.bytes[AT:] == content


def test_the_journal_hears_of_every_piece_each_8_mib() -> None:
    content = random.Random(3).randbytes(20 * MIB)
    memory, sink = made(content)
    for at in range(MIB, 9 * MIB, MIB):
        sink.write(memoryview(content)[at : at + MIB], at)
    assert memory.noted == [Held(AT, ((MIB, 9 * MIB),))]
    sink.write(memoryview(content)[15 * MIB : 16 * MIB], 15 * MIB)
    sink.note()
    sink.note()
    assert memory.noted[1:] == [Held(AT, ((MIB, 9 * MIB), (15 * MIB, 16 * MIB)))]
    assert sink.gaps() == [(0, MIB), (9 * MIB, 15 * MIB), (16 * MIB, 20 * MIB)]


def test_a_wrong_byte_anywhere_is_found_and_nothing_is_kept() -> None:
    content = random.Random(4).randbytes(MIB)
    for place in (0, MIB // 2, MIB - 1):
        memory, sink = made(content)
        wrong = bytearray(content)
        wrong[place] ^= 1
        for start in (MIB // 2, 0):
            sink.write(memoryview(wrong)[start : start + MIB // 2], start)
        with pytest.raises(DigestMismatch):
            sink.finish()
        assert memory.noted[-1] == Held(AT, ())
        sink.restart()
        sink.write(memoryview(content))
        sink.finish()
        assert sink.complete


def test_a_file_that_somebody_cut_is_not_proved() -> None:
    content = random.Random(5).randbytes(MIB)
    memory, sink = made(content)
    sink.write(memoryview(content)[MIB // 2 :], MIB // 2)
    del memory.bytes[AT + MIB // 2 + 10 :]
    sink.write(memoryview(content)[: MIB // 2], 0)
    with pytest.raises(DigestMismatch):
        sink.finish()


def test_more_than_the_blob_has_is_refused() -> None:
    _, sink = made(b"four")
    with pytest.raises(InputError, match="more than its 4 bytes"):
        sink.write(memoryview(b"xx"), 3)


def test_only_the_front_can_be_kept() -> None:
    content = bytes(100)
    _, sink = made(content)
    sink.write(memoryview(content)[:10], 0)
    sink.write(memoryview(content)[50:60], 50)
    assert sink.keep_front() == 10
    assert sink.keep_front() == 0
    assert sink.gaps() == [(10, 100)]
    assert sink.held == 10


def test_what_is_hashed_begins_its_way_to_the_medium_once() -> None:
    content = random.Random(1).randbytes(20 * MIB)
    memory, sink = made(content)
    sink.write(memoryview(content)[9 * MIB :], 9 * MIB)
    assert memory.flushed == []  # it is to be read back
    for start in range(0, 9 * MIB, MIB):
        sink.write(memoryview(content)[start : start + MIB], start)
    sink.finish()
    assert memory.flushed[0][0] == AT
    assert memory.flushed[-1][1] == AT + len(content)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(memory.flushed))
    assert len(memory.flushed) <= 3


def test_small_blobs_are_left_to_the_flush_at_the_end() -> None:
    content = bytes(1000)
    memory, sink = made(content)
    sink.write(memoryview(content))
    sink.finish()
    assert memory.flushed == []
