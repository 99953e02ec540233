"""upload: a blob on its way into an upload session, in one request or in chunks.

A server on the way may limit what one request brings (413), and some registries take a blob by
PATCH alone. What helped once is kept for all further blobs.
"""

import re
import urllib.parse
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Self

import httpx

from airgap.errors import NetworkError, ResourceError, TrustError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.registry.attempts import Attempts
from airgap.registry.client import Client
from airgap.registry.endpoint import parsed
from airgap.registry.errors import AGAIN, FailedError, FullError, RefusedError
from airgap.registry.options import Options
from airgap.transfer.ports import Chunks

_STEPS = (64 << 20, 8 << 20, 1 << 20)
"""Bytes of a chunk, from what hosted registries take down to the least that proxies are set to."""
_SLOW_STORAGE = 4e6
"""Bytes a second: a registry copies a blob into its storage before it answers."""
_LEAST = re.compile(r"[0-9]{1,15}")
_LOST = (404, 416)
"""What a registry says that no longer knows an upload, or has another part of it."""


class SessionLost(Exception):  # noqa: N818  (it is begun anew)
    """An upload broke in its middle: another try may get through.

    Attributes:
        error: why.
        seconds: how long the registry asks to wait; None where it does not say.
        forgotten: the registry does not know the upload that it opened.
    """

    def __init__(
        self, error: NetworkError, seconds: float | None = None, *, forgotten: bool = False
    ) -> None:
        super().__init__(error.message)
        self.error, self.seconds, self.forgotten = error, seconds, forgotten


class Refused(Exception):  # noqa: N818  (it is sent another way)
    """What was sent in one request was refused: it goes in smaller ones from now on."""


@dataclass(frozen=True, slots=True)
class Session:
    """An upload that a registry has opened.

    Attributes:
        location: where it goes.
        least: bytes that each chunk but the last must have (``OCI-Chunk-Min-Length``).
    """

    location: str
    least: int = 0

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """Read it from the headers of a 202."""
        least = response.headers.get("OCI-Chunk-Min-Length", "")
        return cls(_location(response), int(least) if _LEAST.fullmatch(least) else 0)


class Uploads:
    """How blobs are sent to one registry. Thread-safe.

    Args:
        client: of the registry.
        options: how to talk to it.
        chunk_size: bytes of a request at the most; 0 sends every blob in one.
    """

    def __init__(self, client: Client, options: Options, chunk_size: int) -> None:
        self._client, self._options = client, options
        self._chunk_size = chunk_size
        self._by_patch = False
        self._doubtful: dict[tuple[str, Digest], RefusedError] = {}
        self._lock = Lock()

    def send(self, repository: str, blob: Descriptor, chunks: Chunks, session: Session) -> None:
        """Send a blob into an upload session.

        Raises:
            Refused: begin a new session, and send again.
            SessionLost: it broke; try again.
            InputError: the registry refused the blob for good, or the content is wrong.
            ResourceError: the registry is full.
            TrustError: it wants the upload at another host.
        """
        refused = self._doubtful.get((repository, blob.digest))
        size = self._chunk_size or blob.size
        whole = blob.size <= size and not self._by_patch and refused is None
        sent = blob.size if whole else min(max(size, session.least), blob.size)
        once = self._client.attempts(1)
        try:
            if whole:
                self._whole(repository, blob, chunks, session.location, once)
            else:
                self._in_chunks(repository, blob, chunks, session.location, sent, once)
        except RefusedError as error:
            smaller = next((step for step in _STEPS if session.least <= step < sent), 0)
            self._refused(error, repository, blob, smaller, whole=whole)
        except FullError as error:
            what = f"{blob.digest} ({blob.size} bytes)"
            raise ResourceError(f"{error.message} for {what}", hint=error.hint) from error
        except NetworkError as error:
            raise SessionLost(error, once.asked) from error
        else:
            if refused is not None:
                self._by_patch = True  # one request was refused, and chunks were taken

    def _refused(
        self, error: RefusedError, repository: str, blob: Descriptor, smaller: int, *, whole: bool
    ) -> None:
        """Find another way to send what was refused; raises in any case."""
        status = error.refusal.status
        if status in _LOST:
            told = f"{self._client.host} lost the upload: {error.message}"
            failed = FailedError(told, error.refusal, hint=AGAIN)
            raise SessionLost(failed, forgotten=True) from error
        if status == 413 and smaller:
            with self._lock:
                self._chunk_size = min(self._chunk_size or smaller, smaller)
            raise Refused from error
        if whole and status != 413 and not error.refusal.is_denied:
            self._doubtful[repository, blob.digest] = error
            raise Refused from error
        first = self._doubtful.get((repository, blob.digest), error)
        raise explained(first) from first

    def _whole(
        self, repository: str, blob: Descriptor, chunks: Chunks, location: str, once: Attempts
    ) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}

        def content() -> Iterator[memoryview]:
            return self._counted(chunks())

        with self._client.request(
            "PUT", self._url(location, blob.digest), scope=_scope(repository), headers=headers,
            content=content, expect=(201, 204), attempts=once,
            patience=blob.size / _SLOW_STORAGE,
        ):  # fmt: skip
            return

    def _in_chunks(
        self,
        repository: str,
        blob: Descriptor,
        chunks: Chunks,
        location: str,
        size: int,
        once: Attempts,
    ) -> None:
        pieces = _Pieces(chunks)
        for start in range(0, blob.size, max(size, 1)):
            length = min(size, blob.size - start)
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(length),
                "Content-Range": f"{start}-{start + length - 1}",
            }

            def content(start: int = start, length: int = length) -> Iterator[memoryview]:
                return self._counted(pieces.take(start, length))

            with self._client.request(
                "PATCH", self._url(location), scope=_scope(repository), headers=headers,
                content=content, expect=(202, 201, 204), attempts=once,
                patience=length / _SLOW_STORAGE,
            ) as response:  # fmt: skip
                location = _location(response) or location
        pieces.end()
        with self._client.request(
            "PUT", self._url(location, blob.digest), scope=_scope(repository),
            headers={"Content-Length": "0"}, expect=(201, 204), attempts=once,
            patience=blob.size / _SLOW_STORAGE,
        ):  # fmt: skip
            return

    def _counted(self, pieces: Iterator[memoryview]) -> Iterator[memoryview]:
        for piece in pieces:
            yield piece
            self._client.gate.moved(len(piece))

    def _url(self, location: str, digest: Digest | None = None) -> httpx.URL:
        """Return where the registry wants the upload: it must not lead credentials away."""
        base = parsed(self._client.base())
        text = location
        if digest:
            separator = "&" if "?" in location else "?"
            text = f"{location}{separator}digest={str(digest).replace(':', '%3A')}"
        url = httpx.URL("")
        with suppress(httpx.InvalidURL):
            url = httpx.URL(text) if "://" in location.partition("?")[0] else base.join(text)
        same = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
        if not location or not url.host:
            raise NetworkError(f"{self._client.host} opened an upload without saying where")
        if not same and not self._options.cross_origin_upload:
            raise TrustError(
                f"{self._client.host} wants the upload at {url.scheme}://{url.netloc.decode()}",
                hint="correct the registry's own address (http.host, or its proxy's headers)",
            )
        return url


class _Pieces:
    """A blob's bytes, handed out in pieces that are asked for, mostly one after the other.

    A piece may be asked for again: a token ended, or the registry led elsewhere. Then the blob is
    read again from its first byte, since that proves it.
    """

    def __init__(self, begin: Chunks) -> None:
        self._begin = begin
        self._restart()

    def _restart(self) -> None:
        self._chunks, self._rest, self._at = self._begin(), memoryview(b""), 0

    def take(self, start: int, length: int) -> Iterator[memoryview]:
        """Hand out ``length`` bytes from ``start`` on."""
        if start != self._at:
            self._restart()
            for _ in self._next(start):
                pass
        yield from self._next(length)

    def _next(self, length: int) -> Iterator[memoryview]:
        while length:
            if not self._rest:
                self._rest = next(self._chunks)
            piece, self._rest = self._rest[:length], self._rest[length:]
            length -= len(piece)
            self._at += len(piece)
            yield piece

    def end(self) -> None:
        """Let who reads the blob come to its end: there it is proved."""
        for _ in self._chunks:
            pass


def _location(response: httpx.Response) -> str:
    """Return where an upload goes on: a URL, or a path from the root; empty where it is not said.

    A path that begins elsewhere is below the request's own (RFC 9110, section 10.2.2).
    """
    location: str = response.headers.get("Location", "").partition("#")[0]
    if not location or location.startswith("/") or "://" in location.partition("?")[0]:
        return location
    return urllib.parse.urljoin(str(response.request.url), location)


def explained(error: RefusedError) -> RefusedError:
    """Say what a registry means by refusing."""
    refusal, message, hint = error.refusal, error.message, error.hint
    if refusal.status == 405:
        message = f"{refusal.registry} is read-only: it takes no uploads"
        hint = "switch its maintenance.readonly off, or push to another registry"
    return RefusedError(message, refusal, hint=hint)


def _scope(repository: str) -> str:
    return f"repository:{repository}:pull,push"
