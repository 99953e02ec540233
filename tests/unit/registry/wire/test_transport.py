import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from airgap.registry.wire.transport import DirectTransport
from tests.support.peer import Peer, Talk, answer, keep_answering, peer


@contextlib.contextmanager
def transport(**more: Any) -> Iterator[DirectTransport]:
    more = {"tls": ssl.create_default_context(), "idle": 20.0, **more}
    found = DirectTransport(**more)
    try:
        yield found
    finally:
        found.close()


def ask(
    way: httpx.BaseTransport, port: int, method: str = "GET", scheme: str = "http", **more: Any
) -> httpx.Response:
    request = httpx.Request(method, f"{scheme}://127.0.0.1:{port}/v2/x", **more)
    response = way.handle_request(request)
    try:
        response.read()
    finally:
        response.close()
    return response


def once(server: Peer, sock: socket.socket, _number: int) -> None:
    """Answer one request and close, without having said so."""
    server.head(sock)
    sock.sendall(answer(b"hello"))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_resting_connection_that_was_closed_is_not_used(method: str) -> None:
    with peer(once) as server, transport() as way:
        for number in (1, 2, 3):
            assert ask(way, server.port, method, content=b"body").content == b"hello"
            server.wait_closed(number)
        assert (server.connections, len(server.heads)) == (3, 3)


def test_a_closed_tls_connection_is_not_used(
    tls_pair: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with peer(once, tls_pair[0]) as server, transport(tls=tls_pair[1]) as way:
        for number in (1, 2):
            assert ask(way, server.port, "PUT", "https", content=b"body").content == b"hello"
            server.wait_closed(number)
        assert (server.connections, len(server.heads)) == (2, 2)


def test_a_connection_on_which_the_server_speaks_unasked_is_not_used() -> None:
    spoken = threading.Event()

    def talk(server: Peer, sock: socket.socket, _number: int) -> None:
        server.head(sock)
        sock.sendall(answer(b"hello"))
        sock.sendall(answer(b"", "408 Request Timeout"))
        spoken.set()
        sock.recv(1)

    with peer(talk) as server, transport() as way:
        ask(way, server.port)
        spoken.wait(20)
        assert ask(way, server.port).status_code == 200
        assert server.connections == 2


def test_connections_are_used_again_until_they_rested_for_long() -> None:
    now = [100.0]
    with peer(keep_answering(b"x")) as server, transport(clock=lambda: now[0]) as way:
        for _ in range(5):
            ask(way, server.port, "POST")
            now[0] += 10
        assert server.connections == 1
        now[0] += 20
        ask(way, server.port, "POST")
        assert server.connections == 2


def test_a_connection_that_is_closed_at_that_very_moment_is_replaced() -> None:
    def talk(server: Peer, sock: socket.socket, number: int) -> None:
        server.head(sock)
        sock.sendall(answer())
        if number == 1:
            server.head(sock)  # and no answer to the second request

    with peer(talk) as server, transport() as way:
        ask(way, server.port)
        assert ask(way, server.port, "POST").status_code == 200
        assert (server.connections, len(server.heads)) == (2, 3)


def silent(server: Peer, sock: socket.socket, _number: int) -> None:
    while sock.recv(1 << 16):
        pass


def half(server: Peer, sock: socket.socket, _number: int) -> None:
    server.head(sock)
    sock.sendall(answer(b"x" * 1000)[:-500])
    sock.recv(1)


def deaf(server: Peer, sock: socket.socket, number: int) -> None:
    threading.Event().wait(60)


@pytest.mark.parametrize(
    ("talk", "scheme", "content"),
    [
        (silent, "https", b""),  # while the TLS handshake goes on
        (silent, "http", b""),  # while the head is awaited
        (half, "http", b""),  # while the body is
        (deaf, "http", bytes(64 << 20)),  # while the request is sent
    ],
)
def test_stop_ends_every_wait(talk: Talk, scheme: str, content: bytes) -> None:
    with peer(talk) as server, transport() as way:
        check_stop_ends(way, lambda: ask(way, server.port, "POST", scheme, content=content))


def test_stop_ends_a_connection_that_is_being_made() -> None:
    with full_listener() as port, transport() as way:
        check_stop_ends(way, lambda: ask(way, port))
        with pytest.raises(httpx.ConnectError):  # and those that come later
            ask(way, port)


def check_stop_ends(way: DirectTransport, request: Callable[[], object]) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            request()
        except httpx.HTTPError as error:
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive(), failed
    way.stop()
    thread.join(10)  # less than any of the limits
    assert not thread.is_alive()
    assert len(failed) == 1


@contextlib.contextmanager
def full_listener() -> Iterator[int]:
    """An address that does not answer: its queue is full, so that the handshake never ends."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_a_head_that_drips_is_given_up() -> None:
    def talk(server: Peer, sock: socket.socket, _number: int) -> None:
        server.head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            sock.sendall(b"x")
            threading.Event().wait(0.02)

    with peer(talk) as server, transport(idle=0.4) as way, pytest.raises(httpx.ReadTimeout):
        ask(way, server.port)


def test_interim_answers_without_end_are_given_up() -> None:
    def talk(server: Peer, sock: socket.socket, _number: int) -> None:
        server.head(sock)
        while True:
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    with peer(talk) as server, transport(idle=0.4) as way, pytest.raises(httpx.TransportError):
        ask(way, server.port)


def test_headers_may_have_any_byte() -> None:
    def talk(server: Peer, sock: socket.socket, _number: int) -> None:
        server.head(sock)
        sock.sendall(answer(b"", "200 OK", "Content-Type: caf\xe9\x9b", "X-\xff: y"))

    with peer(talk) as server, transport() as way:
        assert ask(way, server.port).headers["Content-Type"] == "caf\xe9\x9b"


def test_a_line_break_in_a_header_is_not_sent() -> None:
    with peer(silent) as server, transport() as way, pytest.raises(httpx.LocalProtocolError):
        ask(way, server.port, headers={"Authorization": "Bearer x\r\nX: y"})


@pytest.mark.parametrize("secure", [False, True])
def test_large_bodies_arrive_whole_both_ways(
    secure: bool, tls_pair: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    content = bytes(range(256)) * 20_001

    def talk(server: Peer, sock: socket.socket, _number: int) -> None:
        with sock.makefile("rb") as file:
            while (line := file.readline()) not in (b"\r\n", b""):
                server.heads.append(line)
            sock.sendall(answer(file.read(len(content))[::-1]))

    with peer(talk, tls_pair[0] if secure else None) as server, transport(tls=tls_pair[1]) as way:
        scheme = "https" if secure else "http"
        assert ask(way, server.port, "PUT", scheme, content=content).content == content[::-1]


def test_a_certificate_that_does_not_hold(
    tls_pair: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with peer(keep_answering(), tls_pair[0]) as server, transport() as way:
        with pytest.raises(httpx.ConnectError) as caught:
            ask(way, server.port, scheme="https")
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
