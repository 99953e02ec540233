"""upload: a blob on its way into an upload session, in one request or in chunks.

A server on the way may limit what one request brings (413), and some registries take a blob by
PATCH alone. What helped once is kept for all further blobs.
"""

from collections.abc import Iterator
from contextlib import suppress
from threading import Lock

import httpx

from airgap.errors import NetworkError, ResourceError, TrustError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.registry.client import Client
from airgap.registry.endpoint import parsed
from airgap.registry.errors import AGAIN, FailedError, FullError, RefusedError
from airgap.registry.options import Options
from airgap.transfer.ports import Chunks

_STEPS = (64 << 20, 8 << 20, 1 << 20)
"""Bytes of a chunk, from what hosted registries take down to the least that proxies are set to."""
_SLOW_STORAGE = 4e6
"""Bytes a second: a registry copies a blob into its storage before it answers."""
_LOST = (404, 416)
"""What a registry says that no longer knows an upload, or has another part of it."""


class SessionLost(Exception):  # noqa: N818  (it is begun anew)
    """An upload broke in its middle: another try may get through.

    Attributes:
        error: why.
    """

    def __init__(self, error: NetworkError) -> None:
        super().__init__(error.message)
        self.error = error


class Refused(Exception):  # noqa: N818  (it is sent another way)
    """What was sent in one request was refused: it goes in smaller ones from now on."""


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

    def send(self, repository: str, blob: Descriptor, chunks: Chunks, location: str) -> None:
        """Send a blob into the upload session at ``location``.

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
        sent = blob.size if whole else min(size, blob.size)
        try:
            if whole:
                self._whole(repository, blob, chunks, location)
            else:
                self._in_chunks(repository, blob, chunks, location, sent)
        except RefusedError as error:
            self._refused(error, repository, blob, sent, whole=whole)
        except FullError as error:
            what = f"{blob.digest} ({blob.size} bytes)"
            raise ResourceError(f"{error.message} for {what}", hint=error.hint) from error
        except NetworkError as error:
            raise SessionLost(error) from error
        else:
            if refused is not None:
                self._by_patch = True  # one request was refused, and chunks were taken

    def _refused(
        self, error: RefusedError, repository: str, blob: Descriptor, sent: int, *, whole: bool
    ) -> None:
        """Find another way to send what was refused; raises in any case."""
        status = error.refusal.status
        if status in _LOST:
            told = f"{self._client.host} lost the upload: {error.message}"
            raise SessionLost(FailedError(told, error.refusal, hint=AGAIN)) from error
        smaller = next((step for step in _STEPS if step < sent), 0)
        if status == 413 and smaller:
            with self._lock:
                self._chunk_size = min(self._chunk_size or smaller, smaller)
            raise Refused from error
        if whole and status != 413 and not error.refusal.is_denied:
            self._doubtful[repository, blob.digest] = error
            raise Refused from error
        first = self._doubtful.get((repository, blob.digest), error)
        raise explained(first) from first

    def _whole(self, repository: str, blob: Descriptor, chunks: Chunks, location: str) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}

        def content() -> Iterator[memoryview]:
            return self._counted(chunks())

        with self._client.request(
            "PUT", self._url(location, blob.digest), scope=_scope(repository), headers=headers,
            content=content, expect=(201, 204), tries=1, patience=blob.size / _SLOW_STORAGE,
        ):  # fmt: skip
            return

    def _in_chunks(
        self, repository: str, blob: Descriptor, chunks: Chunks, location: str, size: int
    ) -> None:
        pieces = _Pieces(chunks())
        for start in range(0, blob.size, max(size, 1)):
            length = min(size, blob.size - start)
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(length),
                "Content-Range": f"{start}-{start + length - 1}",
            }

            def content(length: int = length) -> Iterator[memoryview]:
                return self._counted(pieces.take(length))

            with self._client.request(
                "PATCH", self._url(location), scope=_scope(repository), headers=headers,
                content=content, expect=(202, 201, 204), tries=1,
                patience=length / _SLOW_STORAGE,
            ) as response:  # fmt: skip
                location = response.headers.get("Location", location)
        pieces.end()
        with self._client.request(
            "PUT", self._url(location, blob.digest), scope=_scope(repository),
            headers={"Content-Length": "0"}, expect=(201, 204), tries=1,
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
    """A blob's bytes, handed out in pieces of a length that is asked for."""

    def __init__(self, chunks: Iterator[memoryview]) -> None:
        self._chunks, self._rest = chunks, memoryview(b"")

    def take(self, length: int) -> Iterator[memoryview]:
        """Hand out the next ``length`` bytes."""
        while length:
            if not self._rest:
                self._rest = next(self._chunks)
            piece, self._rest = self._rest[:length], self._rest[length:]
            length -= len(piece)
            yield piece

    def end(self) -> None:
        """Let who reads the blob come to its end: there it is proved."""
        for _ in self._chunks:
            pass


def explained(error: RefusedError) -> RefusedError:
    """Say what a registry means by refusing."""
    refusal, message, hint = error.refusal, error.message, error.hint
    if refusal.status == 405:
        message = f"{refusal.registry} is read-only: it takes no uploads"
        hint = "switch its maintenance.readonly off, or push to another registry"
    return RefusedError(message, refusal, hint=hint)


def _scope(repository: str) -> str:
    return f"repository:{repository}:pull,push"
