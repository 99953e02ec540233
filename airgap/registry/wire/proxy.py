"""proxy: a way through a proxy: a tunnel by CONNECT for https, the proxy's own requests for http.

Follows RFC 9110, section 9.3.6, and RFC 9112, section 3.2.2. The proxy may itself be spoken to by
TLS; a tunnel's TLS lies then over the proxy's.
"""

import base64
import http.client
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from airgap.registry.wire.connection import Connection
from airgap.registry.wire.line import Line
from airgap.registry.wire.tls import Stream, Tls

_PORTS = {"http": 80, "https": 443}
_MAX_BODY = 64 << 10


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        scheme: ``http`` or ``https``: how it is spoken to.
        host: its name or address.
        port: where it answers.
        credentials: the value of Proxy-Authorization; empty where there is none.
    """

    scheme: str
    host: str
    port: int
    credentials: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> "Proxy":
        """Read ``[http[s]://][USER[:PASSWORD]@]HOST[:PORT]``, percent-encoded.

        Raises:
            ValueError: it is anything else; the text is not in the words, it may hold a password.
        """
        text = text if "://" in text else f"http://{text}"
        url = urlsplit(text.strip())
        if url.scheme not in _PORTS or not url.hostname:
            raise ValueError("no address of a proxy")
        credentials = ""
        if url.username is not None:
            pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
            credentials = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return cls(url.scheme, url.hostname, url.port or _PORTS[url.scheme], credentials)

    @property
    def address(self) -> str:
        """``HOST:PORT``, as people write it."""
        return address(self.host, self.port)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What it wants to be shown."""
        if not self.credentials:
            return []
        return [(b"Proxy-Authorization", self.credentials.encode("ascii"))]


class ProxyRefusedError(Exception):
    """A proxy made no tunnel.

    Attributes:
        status: of HTTP.
        headers: of its answer.
        body: as much of it as is worth it.
    """

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        super().__init__(str(status))
        self.status, self.headers, self.body = status, headers, body


def address(host: str, port: int) -> str:
    """Return ``HOST:PORT``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def greet(line: Line, proxy: Proxy, tls: ssl.SSLContext, until: float) -> Stream:
    """Return what is read and written to speak to a proxy. OSError passes."""
    return Tls(line, line, tls, proxy.host, until) if proxy.scheme == "https" else line


def tunnel(line: Line, stream: Stream, proxy: Proxy, target: str, seconds: float) -> None:
    """Ask a proxy for a tunnel; afterwards ``stream`` leads to the target.

    Args:
        line: the socket to the proxy.
        stream: what is read and written to speak to it.
        proxy: the proxy.
        target: ``HOST:PORT``.
        seconds: within which it must answer.

    Raises:
        ProxyRefusedError: it makes none.
        OSError: the connection failed.
        http.client.HTTPException: it speaks no HTTP.
    """
    asked = Connection(line, stream)
    name = target.encode("ascii")
    asked.send_head(b"CONNECT", name, [(b"Host", name), (b"User-Agent", b"airgap"), *proxy.headers])
    response = asked.receive_head("CONNECT", seconds)
    try:
        if not 200 <= response.status < 300:
            raise ProxyRefusedError(response.status, response.getheaders(), _body(response))
    finally:
        response.close()


def _body(response: http.client.HTTPResponse) -> bytes:
    if response.length is None and not response.chunked:
        return b""  # it would end with the connection, if ever
    try:
        return response.read(_MAX_BODY)
    except (OSError, http.client.HTTPException):
        return b""
