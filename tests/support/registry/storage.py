"""Blobs behind redirects to signed URLs, as registries on object storage give them."""

import functools
import itertools
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from airgap.certificates.make import issue
from tests.support.faults import Fault, Request, redirect
from tests.support.registry.memory import MemoryRegistry


@functools.cache
def _issued():  # type: ignore[no-untyped-def]
    return issue(["localhost", "127.0.0.1"])


def ca_pem() -> bytes:
    """Return the CA of `tls`."""
    found: bytes = _issued().ca_pem
    return found


@functools.cache
def tls() -> ssl.SSLContext:
    """Return a context for a server on ``localhost`` and ``127.0.0.1``, by airgap's own CA."""
    import tempfile
    from pathlib import Path

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.write_bytes(_issued().cert_pem + _issued().key_pem)
        context.load_cert_chain(path)
    return context


class Storage:
    """Where a registry sends its clients for blobs.

    Attributes:
        server: the storage.
        uses: how often a signed URL serves; for ever where None.
        throttled: answer so many requests with 503 SlowDown first.
    """

    def __init__(self, registry: MemoryRegistry, server: MemoryRegistry) -> None:
        self.registry, self.server = registry, server
        self.uses: int | None = None
        self.throttled = 0
        self._numbers = itertools.count(1)
        self._served: dict[str, int] = {}
        registry.rules.append(self._send_away)
        server.rules.append(self._check)

    def _send_away(self, request: Request) -> Fault | None:
        if request.method != "GET" or "/blobs/sha256:" not in request.path:
            return None
        signature = f"X-Amz-Signature={next(self._numbers)}"
        return redirect(f"{self.server.url}{request.path}?{signature}")

    def _check(self, request: Request) -> Fault | None:
        signature = parse_qs(urlsplit(request.path).query).get("X-Amz-Signature", [""])[0]
        if self.throttled > 0:
            self.throttled -= 1
            return _xml(503, "SlowDown", "Please reduce your request rate.")
        self._served[signature] = self._served.get(signature, 0) + 1
        if not signature or (self.uses is not None and self._served[signature] > self.uses):
            return _xml(403, "AccessDenied", "Request has expired")
        return None


def _xml(status: int, code: str, message: str) -> Fault:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return Fault(status=status, headers={"Content-Type": "application/xml"}, body=body)


@contextmanager
def behind_redirects(*, secure: bool = False) -> Iterator[tuple[MemoryRegistry, Storage]]:
    """Run a registry and its storage, two origins, for the time of a block."""
    context = tls() if secure else None
    with (
        MemoryRegistry(tls=context) as registry,
        MemoryRegistry(registry.content, host="localhost", tls=context) as server,
    ):
        yield registry, Storage(registry, server)
