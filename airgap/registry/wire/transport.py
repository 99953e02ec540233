"""transport: httpx above, our own connections below."""

import contextlib
import http.client
import ssl
import time
from collections.abc import Callable, Iterator

import httpx

from airgap.registry.wire.connect import Connector
from airgap.registry.wire.connection import Connection
from airgap.registry.wire.line import Breaker, Line
from airgap.registry.wire.pool import Origin, Pool
from airgap.registry.wire.proxy import Proxy, ProxyRefusedError, address, greet, tunnel
from airgap.registry.wire.tls import Stream, Tls

_PIECE = 1 << 16
_CONNECT_SECONDS = 20.0
_FRAMING = ("content-length", "transfer-encoding", "connection")
_WITHOUT_BODY = ("GET", "HEAD", "POST", "DELETE")


class DirectTransport(httpx.BaseTransport):
    """An httpx transport with a pool of connections for each origin.

    Args:
        tls: for https.
        idle: seconds without a byte after which a connection fails.
        clock: tells how long a connection rested.
        proxy: leads to all hosts; None where they are reached directly.
        proxy_tls: for a proxy that is spoken to by TLS.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        idle: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        proxy: Proxy | None = None,
        proxy_tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls, self._idle = tls, idle
        self._proxy, self._proxy_tls = proxy, proxy_tls or tls
        self._breaker = Breaker()
        self._connector = Connector(self._breaker, idle)
        self._pool = Pool(clock)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of the response is read later, from its stream."""
        origin = _origin(request.url)
        try:
            used, response = self._asked(origin, request)
        except ProxyRefusedError as refused:
            return self._refused(refused)
        body = Body(used, response, lambda: self._pool.give(origin, used))
        asks_for_login = self._proxy and response.status == 407  # which nobody else does
        return httpx.Response(
            response.status,
            headers=_raw(response.getheaders()),
            stream=body,
            extensions={"body": body, **(self._said_by_proxy if asks_for_login else {})},
        )

    def _asked(
        self, origin: Origin, request: httpx.Request
    ) -> tuple[Connection, http.client.HTTPResponse]:
        """Send a request by a connection that rested, or by a new one."""
        connection = self._pool.take(origin)
        if connection is not None:
            try:
                return connection, self._exchange(connection, request)
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                # It may be closed by the other side at this very moment.
                if not _is_without_body(request):
                    raise
        used = self._connect(origin)
        return used, self._exchange(used, request)

    def _refused(self, refused: ProxyRefusedError) -> httpx.Response:
        """Return what a proxy answered instead of making a tunnel."""
        headers = [h for h in refused.headers if h[0].lower() not in _FRAMING]
        return httpx.Response(
            refused.status,
            headers=_raw(headers),
            stream=httpx.ByteStream(refused.body),
            extensions=self._said_by_proxy,
        )

    @property
    def _said_by_proxy(self) -> dict[str, str]:
        return {"party": "proxy", "answered": self._proxy.address if self._proxy else ""}

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._pool.close()

    def stop(self) -> None:
        """End every wait, also for connections that are being made: who waits gets an error."""
        self._breaker.stop()

    def _connect(self, origin: Origin) -> Connection:
        scheme, host, port = origin
        until = time.monotonic() + _CONNECT_SECONDS
        line: Line | None = None
        try:
            proxy = self._proxy
            at = (proxy.host, proxy.port) if proxy else (host, port)
            with _naming(proxy):
                line = self._connector.connect(*at, until)
                stream: Stream = greet(line, proxy, self._proxy_tls, until) if proxy else line
                if proxy and scheme == "https":
                    tunnel(line, stream, proxy, address(host, port), _CONNECT_SECONDS)
            if scheme == "https":
                stream = Tls(stream, line, self._tls, host, until)
            return Connection(line, stream)
        except BaseException as error:
            if line:
                line.close()
            if isinstance(error, TimeoutError):
                raise httpx.ConnectTimeout(_text(error)) from error
            if isinstance(error, OSError | UnicodeError):  # ssl.SSLError is an OSError
                raise httpx.ConnectError(_text(error)) from error
            raise

    def _exchange(self, connection: Connection, request: httpx.Request) -> http.client.HTTPResponse:
        """Send a request and read the head of its response; on failure the connection is gone."""
        try:
            self._send(connection, request)
            seconds = request.extensions.get("timeout", {}).get("read", self._idle)
            return connection.receive_head(request.method, seconds)
        except BaseException as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise httpx.ReadTimeout("no answer", request=request) from error
            if isinstance(error, OSError | http.client.HTTPException):
                raise httpx.ReadError(_text(error), request=request) from error
            raise

    def _send(self, connection: Connection, request: httpx.Request) -> None:
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101  (a sync client)
        try:
            target, headers = request.url.raw_path, request.headers.raw
            if self._proxy and request.url.scheme == "http":
                target = b"http://" + request.url.netloc + target
                headers = [*headers, *self._proxy.headers]
            connection.send_head(request.method.encode("ascii"), target, headers)
        except ValueError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from error
        except OSError as error:
            raise httpx.WriteError(_text(error), request=request) from error
        for chunk in request.stream:
            try:
                connection.send(chunk)
            except (BrokenPipeError, ConnectionResetError):
                return  # a server that refuses early answers before it has read all: look for that
            except OSError as error:
                raise httpx.WriteError(_text(error), request=request) from error


class Body(httpx.SyncByteStream):
    """The body of a response, still on its way.

    Args:
        connection: on which it comes.
        response: its head.
        give_back: takes the connection where it can be used again.
    """

    def __init__(
        self,
        connection: Connection,
        response: http.client.HTTPResponse,
        give_back: Callable[[], None],
    ) -> None:
        self._connection, self._response, self._give_back = connection, response, give_back
        self._left = response.length  # None where it is chunked or ends with the connection
        self._open = True

    def readinto(self, buffer: memoryview) -> int:
        """Fill a part of ``buffer`` with what has come; 0 at the end, also at an early one."""
        try:
            if self._left is None or self._response.fp is None:
                return self._response.readinto(buffer)
            wanted = min(len(buffer), self._left)
            count = self._response.fp.readinto1(buffer[:wanted]) if wanted else 0
        except TimeoutError as error:
            raise httpx.ReadTimeout("no more bytes came") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise httpx.ReadError(_text(error)) from error
        self._left -= count
        return count

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body in pieces."""
        buffer = memoryview(bytearray(_PIECE))
        while count := self.readinto(buffer):
            yield bytes(buffer[:count])

    def close(self) -> None:
        """Give the connection back where the body was read to its end, else close it."""
        if not self._open:
            return
        self._open = False
        whole = self._left == 0 or (self._left is None and self._response.isclosed())
        reusable = whole and not self._response.will_close
        self._response.close()
        if reusable:
            self._give_back()
        else:
            self._connection.close()


@contextlib.contextmanager
def _naming(proxy: Proxy | None) -> Iterator[None]:
    """Tell what fails on the way to a proxy as the proxy's."""
    try:
        yield
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        if proxy is None:
            raise
        raise httpx.ProxyError(f"the proxy {proxy.address}: {_text(error)}") from error


def _raw(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _is_without_body(request: httpx.Request) -> bool:
    """Tell whether a request can be sent again as it is."""
    return request.method in _WITHOUT_BODY and not int(request.headers.get("Content-Length", 0))


def _origin(url: httpx.URL) -> Origin:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
