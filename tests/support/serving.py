"""A small HTTP/1.1 server for tests: it counts, records, and answers as badly as a Fault says.

An answer goes out in one write, without Nagle's delay.
"""

import contextlib
import gzip
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.faults import Fault, Request, Rule


@dataclass
class Answer:
    """What is sent back; ``length`` is announced to a HEAD, the body's own where None."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | memoryview = b""
    length: int | None = None


_HELLO = b"\x16"
"""The first byte of TLS."""
Answering = Callable[[Request, bytes], Answer]


class Server:
    """A server on loopback.

    Args:
        answer: is given each request that no fault took, with its body.
        host: the address to bind; ``localhost`` and ``127.0.0.1`` are two hosts to a client.
        tls: speaks TLS with it.

    Attributes:
        address: ``HOST:PORT``.
        url: the same with its scheme.
        rules: are asked in order about each request; the first Fault counts.
        requests: all that came, in order.
        connections: how many were made.
        sent: bytes of bodies that were sent.
    """

    def __init__(
        self, answer: Answering, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer
        self.rules: list[Rule] = []
        self.requests: list[Request] = []
        self.sent = 0
        self.connections = 0
        self.closing = threading.Event()
        self._counts: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        self._http = _HTTP(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._http.tls = tls
        self.address = f"{host}:{self._http.server_address[1]}"
        self.url = f"http{'s' if tls else ''}://{self.address}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.hang_up()

    @property
    def rule(self) -> Rule:
        """The one rule, where there is one; setting it puts it in place of all."""
        return self.rules[0] if self.rules else lambda _: None

    @rule.setter
    def rule(self, rule: Rule) -> None:
        self.rules[:] = [rule]

    def fault(self, request: Request) -> Fault | None:
        return next((fault for rule in self.rules if (fault := rule(request))), None)

    def came(self, method: str, path: str, headers: dict[str, str], connection: int) -> Request:
        with self._lock:
            count = self._counts[method, path] = self._counts.get((method, path), 0) + 1
            request = Request(method, path, headers, count, connection, time.monotonic())
            self.requests.append(request)
        return request

    def connected(self) -> int:
        with self._lock:
            self.connections += 1
            return self.connections

    def add_sent(self, count: int) -> None:
        with self._lock:
            self.sent += count

    def count(self, method: str = "", part: str = "") -> int:
        """Return how many requests came with that method and that part of a path."""
        return sum(method in ("", r.method) and part in r.path for r in self.requests)


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    tls: ssl.SSLContext | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._open: set[socket.socket] = set()

    def hang_up(self) -> None:
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread."""
        try:
            if not self.tls:
                super().finish_request(request, client_address)
                return
            request.settimeout(30)
            with self.tls.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        finally:
            self._open.discard(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves early is what many tests want."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    owner: Server

    def setup(self) -> None:
        super().setup()
        self.number = self.owner.connected()

    def handle_one_request(self) -> None:
        """Answer one request; who speaks TLS to a plain server is told so at once."""
        if self.rfile.peek(1)[:1] == _HELLO:
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            self.close_connection = True
            return
        super().handle_one_request()

    def parse_request(self) -> bool:
        """Read a head as it stands; the library's own way is that of an e-mail, and takes long."""
        words = self.raw_requestline.decode("latin-1").split()
        self.command, self.path, self.request_version = words
        self.names: dict[str, str] = {}
        while line := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(":")
            self.names[name] = value.strip()
        self.lower = {name.lower(): value for name, value in self.names.items()}
        self.close_connection = self.lower.get("connection", "").lower() == "close"
        return True

    def _handle(self) -> None:
        headers = self.names
        request = self.owner.came(self.command, self.path, headers, self.number)
        fault = self.owner.fault(request) or Fault()
        if fault.drop:
            self._end(reset=fault.reset)
            return
        body = self._upload(fault)
        if body is None:
            return
        self.owner.closing.wait(fault.delay)
        if fault.status:
            answer = Answer(fault.status, dict(fault.headers), fault.body)
        else:
            if fault.whole:
                headers = {k: v for k, v in headers.items() if k.lower() != "range"}
            answer = self.owner.answer(replace(request, headers=headers), body)
        if fault.drop_reply:
            self._end(reset=fault.reset)
        else:
            self._answer(_altered(answer, fault), fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _handle

    def _upload(self, fault: Fault) -> bytes | None:
        if fault.early:
            self.close_connection = True
            return b""
        if self.lower.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        length = int(self.lower.get("content-length") or 0)
        if fault.cut_upload is not None:
            self.rfile.read(min(fault.cut_upload, length))
            self._end(reset=fault.reset)
            return None
        return self.rfile.read(length) if length else b""

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, answer: Answer, fault: Fault) -> None:
        headers = {k: v for k, v in answer.headers.items() if k.lower() != "content-length"}
        length = len(answer.body) if answer.length is None else answer.length
        if fault.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif not fault.endless and answer.status not in (204, 304):
            headers["Content-Length"] = str(length)
        if self.close_connection:
            headers["Connection"] = "close"
        self.send_response_only(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        head = b"".join([*self._headers_buffer, b"\r\n"])  # type: ignore[attr-defined]
        self._headers_buffer = []
        self._send(head, b"" if self.command == "HEAD" else answer.body, fault)

    def _send(self, head: bytes, body: bytes | memoryview, fault: Fault) -> None:
        if fault.drip:
            for byte in head:
                self.wfile.write(bytes([byte]))
                if self.owner.closing.wait(fault.drip):
                    return
            head = b""
        if fault.stall:
            self.wfile.write(head)
            self.owner.closing.wait(fault.stall)
            head = b""
        if fault.endless and self.command != "HEAD":
            self.wfile.write(head)
            while True:
                self.wfile.write(bytes(1 << 16))
        if fault.chunked and self.command != "HEAD":
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        part = body if fault.cut is None else body[: fault.cut]
        self.wfile.write(b"".join([head, part]))
        self.owner.add_sent(len(part))
        if fault.cut is not None:
            self._end(reset=fault.reset)

    def _end(self, *, reset: bool) -> None:
        if reset:  # closing with a zero linger time sends RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def _altered(answer: Answer, fault: Fault) -> Answer:
    """Return an answer as a fault lets it look."""
    headers, body = dict(answer.headers), answer.body
    for name, value in fault.add.items():
        headers = {k: v for k, v in headers.items() if k.lower() != name.lower()}
        if value is not None:
            headers[name] = value
    if fault.flip is not None and body:
        altered = bytearray(body)
        altered[fault.flip % len(body)] ^= 1
        body = bytes(altered)
    if fault.gzip:
        body = gzip.compress(body)
        headers["Content-Encoding"] = "gzip"
    return replace(answer, headers=headers, body=body)
