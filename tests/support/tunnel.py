"""A proxy that tunnels by CONNECT and hands requests on, as squid does."""

import contextlib
import select
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.peer import Peer, answer, peer


@dataclass
class Tunnels:
    """The proxy.

    Attributes:
        host: how clients call it; everything that it is asked for is on loopback.
        login: the Proxy-Authorization that it wants.
        refuses: answer this to everything, as it goes over the wire.
        asked: method and target of each request, in order.
        headers: the head of each.
        port: where it answers.
    """

    host: str = "127.0.0.1"
    login: str = ""
    refuses: bytes = b""
    tls: ssl.SSLContext | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}"

    def talk(self, _: Peer, sock: socket.socket, _number: int) -> None:
        while head := _head(sock):
            method, target, _version = head.split("\r\n", 1)[0].split(" ")
            self.asked.append((method, target))
            self.heads.append(head)
            if self.refuses:
                sock.sendall(self.refuses)
                return
            if self.login and f"Proxy-Authorization: {self.login}" not in head:
                sock.sendall(answer(b"who?", "407 Proxy Authentication Required"))
                return
            if method == "CONNECT":
                with _upstream(target) as up:
                    sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    _relay(sock, up)
                return
            self._hand_on(sock, head, target)

    def _hand_on(self, sock: socket.socket, head: str, target: str) -> None:
        """Hand a request without a body on, and its answer back."""
        url = urlsplit(target)
        first, rest = head.split("\r\n", 1)
        first = first.replace(target, f"{url.path}?{url.query}" if url.query else url.path)
        kept = "".join(
            f"{line}\r\n" for line in rest.split("\r\n") if line and "Proxy-" not in line
        )
        with _upstream(url.netloc) as up:
            up.sendall(f"{first}\r\n{kept}Connection: close\r\n\r\n".encode("latin-1"))
            while data := up.recv(1 << 16):
                sock.sendall(data)
        sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def tunnels(**more: object) -> Iterator[Tunnels]:
    """Run a proxy for the time of a block."""
    found = Tunnels(**more)  # type: ignore[arg-type]
    with peer(found.talk, found.tls) as server:
        found.port = server.port
        yield found


def _upstream(target: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])), 20)


def _head(sock: socket.socket) -> str:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        if not (more := sock.recv(1)):
            return ""
        data += more
    return data.decode("latin-1")


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    pairs = {one: other, other: one}
    while True:
        waiting = [s for s in pairs if isinstance(s, ssl.SSLSocket) and s.pending()]
        ready = waiting or select.select(list(pairs), [], [], 60)[0]
        for sock in ready:
            data = sock.recv(1 << 16)
            if not data:
                return
            pairs[sock].sendall(data)
