import pytest

from airgap.registry.wire.connection import _Reader
from airgap.registry.wire.line import Breaker
from airgap.registry.wire.permits import Permits


class Pieces:
    """A stream of prepared pieces; an exception is raised in its turn."""

    def __init__(self, *pieces: bytes | OSError | None) -> None:
        self._pieces = list(pieces)

    def take(self, buffer: memoryview, _scratch: memoryview) -> int | None:
        piece = self._pieces.pop(0)
        if isinstance(piece, OSError):
            raise piece
        if piece is None:
            return None
        buffer[: len(piece)] = piece
        return len(piece)

    def send(self, data: bytes | memoryview) -> None:
        raise AssertionError


class Patient:
    """A line on which the next piece has come as soon as somebody waits."""

    idle = 1.0
    waits = 0

    def wait(self, _event: int, _until: float) -> None:
        self.waits += 1


def test_all_that_has_come_is_read_at_once() -> None:
    line = Patient()
    reader = _Reader(line, Pieces(None, b"ab", b"cd", None, b"e", b""), None)  # type: ignore[arg-type]
    buffer = memoryview(bytearray(10))
    assert [reader.readinto(buffer) for _ in range(2)] == [4, 1]
    assert line.waits == 1


def test_what_came_before_an_error_counts() -> None:
    broken = ConnectionResetError("broken")
    reader = _Reader(Patient(), Pieces(b"ab", broken, b""), None)  # type: ignore[arg-type]
    buffer = memoryview(bytearray(10))
    assert reader.readinto(buffer) == 2
    for _ in range(2):  # never taken for an end
        with pytest.raises(ConnectionResetError):
            reader.readinto(buffer)


def test_the_breaker_needs_no_stop() -> None:
    Breaker()


def test_a_permit_comes_back() -> None:
    permits = Permits(1)
    for _ in range(3):
        with permits.hold() as scratch:
            assert len(scratch) > 0
    with pytest.raises(KeyError), permits.hold():
        raise KeyError
    with permits.hold():
        pass
