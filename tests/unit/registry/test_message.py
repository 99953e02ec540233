"""What is read of an answer that nobody wants, so that its connection can be used again."""

from collections.abc import Iterator

import httpx
import pytest

from airgap.registry import message


class Body(httpx.SyncByteStream):
    """A body in pieces of a kibibyte, which counts what was read and whether it was closed."""

    def __init__(self, pieces: int) -> None:
        self.pieces, self.read, self.closed = pieces, 0, False

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.pieces):
            self.read += 1
            yield bytes(1024)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("pieces", "headers", "read"),
    [
        (3, {"Content-Length": "3072"}, 3),
        (8, {"Content-Length": "8192"}, 8),
        (9, {"Content-Length": "9216"}, 0),
        (3, {"Transfer-Encoding": "chunked"}, 3),
        (100, {"Transfer-Encoding": "chunked"}, 9),
        (3, {}, 0),
        (3, {"Content-Length": "many"}, 0),
    ],
)
def test_a_small_body_is_read_and_a_large_one_is_not(
    pieces: int, headers: dict[str, str], read: int
) -> None:
    body = Body(pieces)
    message.discard(httpx.Response(404, headers=headers, stream=body))
    assert (body.read, body.closed) == (read, True)
