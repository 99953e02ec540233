"""A fault proxy: HTTP in front of a real registry, which it lets misbehave.

A test gives it a function that looks at each request and returns a Fault or None.
"""

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """A request that came; ``number`` counts those of the same method and path from 1."""

    method: str
    path: str
    headers: dict[str, str]
    number: int


@dataclass
class Fault:
    """How an answer goes wrong; what is not set stays as the registry gives it.

    Attributes:
        status: answer this without asking the registry, with ``headers`` and ``body``.
        add: headers to set on the registry's answer; None removes one.
        cut: end the connection after so many bytes of the body; negative counts from the end.
        reset: end it with RST instead of FIN.
        flip: alter the byte at this place of the body.
        whole: hide the Range header from the registry.
        stall: wait so many seconds before the body.
        drop: end the connection without an answer.
        drop_reply: let the registry do it, then end the connection.
        cut_upload: end the connection after so many bytes of the request's body.
        chunked: send the body in chunks, without a length.
        endless: send zeros for ever after the headers (until the client leaves).
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    add: dict[str, str | None] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    flip: int | None = None
    whole: bool = False
    stall: float = 0
    drop: bool = False
    drop_reply: bool = False
    cut_upload: int | None = None
    chunked: bool = False
    endless: bool = False


Rule = Callable[[Request], Fault | None]


class Proxy:
    """The proxy.

    Attributes:
        address: where it answers.
        rule: decides on each request.
        requests: all that came.
        sent: bytes of bodies that were sent to clients.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.rule: Rule = lambda _: None
        self.requests: list[Request] = []
        self.sent = 0
        self._counts: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def came(self, method: str, path: str, headers: dict[str, str]) -> Request:
        with self._lock:
            count = self._counts[method, path] = self._counts.get((method, path), 0) + 1
            request = Request(method, path, headers, count)
            self.requests.append(request)
        return request

    def count(self, method: str, part: str) -> int:
        return sum(r.method == method and part in r.path for r in self.requests)

    def add_sent(self, count: int) -> None:
        with self._lock:
            self.sent += count


@contextlib.contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    """Run a proxy for the time of a block."""
    found = Proxy(target)
    try:
        yield found
    finally:
        found.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves early is what many tests want."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _handle(self) -> None:
        headers = dict(self.headers.items())
        fault = self.proxy.rule(self.proxy.came(self.command, self.path, headers)) or Fault()
        if fault.drop:
            self._end(reset=fault.reset)
            return
        body = self._upload(fault)
        if body is None:
            return
        if fault.status:
            self._answer(fault.status, dict(fault.headers), fault.body, fault)
            return
        if fault.whole:
            headers = {k: v for k, v in headers.items() if k.lower() != "range"}
        with contextlib.closing(http.client.HTTPConnection(self.proxy.target, timeout=60)) as way:
            way.request(self.command, self.path, body or None, headers)
            with way.getresponse() as answer:
                content = answer.read()
            found = {k: v for k, v in answer.getheaders() if k.lower() != "transfer-encoding"}
        if fault.drop_reply:
            self._end(reset=fault.reset)
            return
        self._answer(answer.status, found, content, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _handle

    def _upload(self, fault: Fault) -> bytes | None:
        length = int(self.headers.get("Content-Length") or 0)
        if fault.cut_upload is not None:
            self.rfile.read(min(fault.cut_upload, length))
            self._end(reset=fault.reset)
            return None
        return self.rfile.read(length)

    def _answer(self, status: int, headers: dict[str, str], body: bytes, fault: Fault) -> None:
        for name, value in fault.add.items():
            headers = {k: v for k, v in headers.items() if k.lower() != name.lower()}
            if value is not None:
                headers[name] = value
        if fault.flip is not None and body:
            altered = bytearray(body)
            altered[fault.flip % len(body)] ^= 1
            body = bytes(altered)
        if self.command != "HEAD" and not fault.chunked and not fault.endless:
            headers = {k: v for k, v in headers.items() if k.lower() != "content-length"}
            headers["Content-Length"] = str(len(body))
        if fault.chunked:
            headers = {k: v for k, v in headers.items() if k.lower() != "content-length"}
            headers["Transfer-Encoding"] = "chunked"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        time.sleep(fault.stall)
        if self.command != "HEAD":
            self._send(body, fault)

    def _send(self, body: bytes, fault: Fault) -> None:
        if fault.endless:
            while True:
                self.wfile.write(bytes(1 << 16))
        if fault.chunked:
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        end = len(body) if fault.cut is None else fault.cut
        part = body[:end]
        self.wfile.write(part)
        self.proxy.add_sent(len(part))
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
