import errno
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airgap.errors import InputError, ResourceError
from airgap.serve.answer import Refusal
from airgap.serve.line import Line, Patience

REQUEST = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: the server's, the client's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=20)
        server, _ = listener.accept()
        with closing(client), closing(server):
            yield server, client


def test_heads_one_after_the_other(ends: tuple[socket.socket, socket.socket]) -> None:
    server, client = ends
    line = Line(server, Patience())
    assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    client.sendall(b"\r\n" + REQUEST + REQUEST[:9])
    assert line.read_head() == REQUEST
    client.sendall(REQUEST[9:])
    client.shutdown(socket.SHUT_WR)
    assert line.read_head() == REQUEST
    assert line.read_head() == b""


def test_who_says_nothing_hears_nothing(ends: tuple[socket.socket, socket.socket]) -> None:
    server, client = ends
    line = Line(server, Patience(head=0.05, idle=0.05))
    assert line.read_head() == b""
    client.sendall(REQUEST)
    assert line.read_head() == REQUEST
    assert line.read_head() == b""


def test_a_head_that_drips_ends(ends: tuple[socket.socket, socket.socket]) -> None:
    """The seconds are for the whole head: each byte does not give new ones."""
    server, client = ends
    line = Line(server, Patience(head=0.2))
    asked: list[float] = []
    settimeout = server.settimeout

    class Dripping:
        def settimeout(self, seconds: float) -> None:
            asked.append(seconds)
            settimeout(seconds)

        def recv(self, count: int) -> bytes:
            return server.recv(1)

    client.sendall(REQUEST[:-1])
    line._sock = Dripping()  # type: ignore[assignment]
    with pytest.raises(Refusal) as refused:
        line.read_head()
    assert refused.value.answer.status == 408
    assert asked == sorted(asked, reverse=True) or asked[1:] == sorted(asked[1:], reverse=True)


def test_a_head_that_never_ends(ends: tuple[socket.socket, socket.socket]) -> None:
    server, client = ends
    line = Line(server, Patience())
    client.sendall(b"GET /v2/ HTTP/1.1\r\nA: " + b"b" * (40 << 10))
    with pytest.raises(Refusal) as refused:
        line.read_head()
    assert refused.value.answer.status == 431


def test_a_file(ends: tuple[socket.socket, socket.socket], tmp_path: Path) -> None:
    server, client = ends
    line = Line(server, Patience())
    path = tmp_path / "file"
    content = os.urandom(300_000)
    path.write_bytes(b"before" + content + b"after")
    with path.open("rb") as file, client.makefile("rb") as received:
        line.write(b"head", more=True)
        assert line.write_file(file.fileno(), 6, 300_000) == 300_000
        assert received.read(4 + 300_000) == b"head" + content
        assert line.sent == 4 + 300_000
        with pytest.raises(InputError):
            line.write_file(file.fileno(), 300_010, 10)


def failing(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def sendfile(*_: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "sendfile", sendfile)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_medium_that_knows_no_sendfile(
    ends: tuple[socket.socket, socket.socket], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(number, monkeypatch)
    assert Line(ends[0], Patience()).write_file(0, 0, 10) == 0


def test_a_medium_that_fails_is_no_client_that_left(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(ends[0], Patience())
    failing(errno.EIO, monkeypatch)
    with pytest.raises(ResourceError):
        line.write_file(0, 0, 10)
    failing(errno.EPIPE, monkeypatch)
    with pytest.raises(BrokenPipeError):
        line.write_file(0, 0, 10)


@pytest.mark.parametrize("by_file", [True, False])
def test_a_client_that_takes_nothing(
    ends: tuple[socket.socket, socket.socket], by_file: bool, tmp_path: Path
) -> None:
    server, _ = ends
    line = Line(server, Patience(piece=0.1))
    path = tmp_path / "file"
    with path.open("wb+") as file:
        file.truncate(64 << 20)
        with pytest.raises(TimeoutError):
            if by_file:
                line.write_file(file.fileno(), 0, 64 << 20)
            else:
                for _ in range(256):
                    line.write(bytes(256 << 10))
