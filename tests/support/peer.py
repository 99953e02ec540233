"""A server that does what a test says: a function is given each connection, with its number."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

Talk = Callable[["Peer", socket.socket, int], None]


class Peer:
    """The server.

    Attributes:
        port: where it answers, on 127.0.0.1.
        connections: how many came.
        heads: the head of each request that came, in order.
        closed: how many connections were left and closed.
    """

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None = None) -> None:
        self._talk, self._tls = talk, tls
        self.connections = self.closed = 0
        self.heads: list[bytes] = []
        self._moved = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # Closing alone leaves accept() in another thread where it is.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def wait_closed(self, count: int) -> None:
        with self._moved:
            assert self._moved.wait_for(lambda: self.closed >= count, 20)

    def head(self, sock: socket.socket) -> bytes:
        """Read the head of a request, and its body where it has a length; b"" at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := sock.recv(1 << 16)):
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(x[15:]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")),
            0,
        )
        while len(body) < length:
            body += sock.recv(1 << 16)
        with self._moved:
            self.heads.append(head)
            self._moved.notify_all()
        return head

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(
                    target=self._serve, args=(sock, self.connections), daemon=True
                ).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(sock)
            if self._tls:
                sock = stack.enter_context(self._tls.wrap_socket(sock, server_side=True))
            self._talk(self, sock, number)
        with self._moved:
            self.closed += 1
            self._moved.notify_all()


@contextlib.contextmanager
def peer(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """Run a server for the time of a block."""
    found = Peer(talk, tls)
    try:
        yield found
    finally:
        found.close()


def answer(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    """Return a response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def keep_answering(body: bytes = b"") -> Talk:
    """Answer each request alike, for as long as they come."""

    def talk(server: Peer, sock: socket.socket, _number: int) -> None:
        while server.head(sock):
            sock.sendall(answer(body))

    return talk
