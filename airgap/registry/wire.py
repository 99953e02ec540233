"""transport: httpx above, http.client below, so that a blob's bytes are read without a copy.

httpx reads bodies in pieces of at most 64 KiB, each a new object that passes several layers; at
a gigabyte a second that costs more than the network. Here the response carries a `Body`, whose
``readinto`` fills the caller's own buffer from the socket. Used for direct connections; through a
proxy httpx's own transport is used.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import weakref
from collections import defaultdict
from collections.abc import Iterator

import httpx

_PIECE = 1 << 16
_CONNECT_SECONDS = 20.0


class DirectTransport(httpx.BaseTransport):
    """An httpx transport on http.client, with a pool of connections for each origin.

    Args:
        tls: for https.
        idle: seconds without a byte after which a connection fails.
    """

    def __init__(self, tls: ssl.SSLContext, idle: float) -> None:
        self._tls, self._idle = tls, idle
        self._lock = threading.Lock()
        self._pool: dict[tuple[str, str, int], list[http.client.HTTPConnection]] = defaultdict(list)
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of the response is read later, from its stream."""
        origin = _origin(request.url)
        connection, fresh = self._take(origin)
        try:
            response = self._exchange(connection, request)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            # A connection from the pool may have been closed by the other side meanwhile.
            if fresh or request.method not in ("GET", "HEAD"):
                raise
            response = self._exchange(connection := self._connect(origin), request)
        body = Body(self, origin, connection, response)
        return httpx.Response(
            response.status,
            headers=response.getheaders(),
            stream=body,
            extensions={"body": body},
        )

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            for connections in self._pool.values():
                for connection in connections:
                    connection.close()
            self._pool.clear()

    def stop(self) -> None:
        """Break every connection that was made: who reads or writes there gets an error."""
        with self._lock:
            for sock in list(self._sockets):
                with contextlib.suppress(OSError):
                    # Not the TLS socket's own shutdown: that is not for another thread.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def give_back(
        self, origin: tuple[str, str, int], connection: http.client.HTTPConnection
    ) -> None:
        """Keep a connection whose response was read to its end."""
        with self._lock:
            self._pool[origin].append(connection)

    def _take(self, origin: tuple[str, str, int]) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            if self._pool[origin]:
                return self._pool[origin].pop(), False
        return self._connect(origin), True

    def _connect(self, origin: tuple[str, str, int]) -> http.client.HTTPConnection:
        scheme, host, port = origin
        try:
            plain = socket.create_connection((host, port), _CONNECT_SECONDS)
        except OSError as error:
            raise httpx.ConnectError(_text(error)) from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            secure = scheme == "https"
            sock = self._tls.wrap_socket(plain, server_hostname=host) if secure else plain
        except OSError as error:  # ssl.SSLError is one
            plain.close()
            raise httpx.ConnectError(_text(error)) from error
        sock.settimeout(self._idle)
        with self._lock:
            self._sockets.add(sock)
        connection = http.client.HTTPConnection(host, port, timeout=self._idle)
        connection.sock = sock
        return connection

    def _exchange(
        self, connection: http.client.HTTPConnection, request: httpx.Request
    ) -> http.client.HTTPResponse:
        try:
            target = request.url.raw_path.decode("ascii")
            connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
            for key, value in request.headers.raw:
                connection.putheader(key, value)
            connection.endheaders()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise httpx.WriteError(_text(error), request=request) from error
        self._send_body(connection, request)
        try:
            connection.sock.settimeout(
                request.extensions.get("timeout", {}).get("read", self._idle)
            )
            return connection.getresponse()
        except TimeoutError as error:
            connection.close()
            raise httpx.ReadTimeout("no answer", request=request) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise httpx.ReadError(_text(error), request=request) from error

    def _send_body(self, connection: http.client.HTTPConnection, request: httpx.Request) -> None:
        assert isinstance(request.stream, httpx.SyncByteStream)  # noqa: S101  (a sync client)
        try:
            for chunk in request.stream:
                try:
                    connection.sock.sendall(chunk)
                except OSError as error:
                    # A server that refuses early answers before it has read all: look for that.
                    if not isinstance(error, BrokenPipeError | ConnectionResetError):
                        raise httpx.WriteError(_text(error), request=request) from error
                    return
        except BaseException:
            connection.close()  # what was sent is not whole: this connection is of no more use
            raise


class Body(httpx.SyncByteStream):
    """The body of a response, still in the socket."""

    def __init__(
        self,
        transport: DirectTransport,
        origin: tuple[str, str, int],
        connection: http.client.HTTPConnection,
        response: http.client.HTTPResponse,
    ) -> None:
        self._transport, self._origin = transport, origin
        self._connection, self._response = connection, response
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
            self._transport.give_back(self._origin, self._connection)
        else:
            self._connection.close()


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
