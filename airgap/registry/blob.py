"""blob: one blob on its way from a registry, taken up where it broke.

Follows RFC 9110, section 14, for ranges: a registry that ignores them is read from the start, and
what was there already is skipped.
"""

import re
import zlib
from collections.abc import Callable, Iterator

import httpx

from airgap.errors import AirgapError, InputError, NetworkError
from airgap.oci.descriptor import Descriptor
from airgap.registry import errors, message
from airgap.registry.attempts import Attempts
from airgap.registry.client import Client
from airgap.registry.errors import RegistryError

Sink = Callable[[memoryview], None]

_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/(?:[0-9]+|\*)")
_SLOW_SECONDS, _SLOW_BYTES = 60.0, 60 << 10
"""A connection that brings less than this in that time is given up and made anew."""


class Download:
    """One blob on its way; for one thread.

    Args:
        client: the registry.
        repository: of the registry, as `Endpoint.repository` names it.
        blob: what.
        what: names the image in errors.
        sink: takes the bytes, in order, each once.
        offset: bytes that are there already.
    """

    def __init__(
        self,
        client: Client,
        repository: str,
        blob: Descriptor,
        what: str,
        sink: Sink,
        offset: int = 0,
    ) -> None:
        self._client, self._blob, self._what, self._sink = client, blob, what, sink
        self._path = f"/v2/{repository}/blobs/{blob.digest}"
        self._scope = f"repository:{repository}:pull"
        self._clock = client.options.clock
        self._at, self._ranges = offset, True

    def run(self, buffer: memoryview) -> None:
        """Fetch what is missing, by way of ``buffer``.

        Raises:
            InputError: the registry lacks it, or sends more than it should.
            RegistryError: it was refused.
            NetworkError: it broke, and more tries did not help.
            Stopped: the run ends.
        """
        attempts = self._client.attempts()
        while self._at < self._blob.size:
            begun = self._at
            broken = self._try(buffer, attempts)
            if self._at < self._blob.size:
                if self._at - begun >= _SLOW_BYTES:
                    attempts.progressed()
                attempts.failed(broken)

    def _try(self, buffer: memoryview, attempts: Attempts) -> AirgapError:
        """Fetch what comes; returns why that is all."""
        headers = {"Range": f"bytes={self._at}-"} if self._at and self._ranges else {}
        try:
            with self._client.request(
                "GET", self._path, scope=self._scope, headers=headers,
                expect=(200, 206, 416), attempts=attempts,
            ) as response:  # fmt: skip
                self._receive(response, buffer)
        except RegistryError as error:
            raise self._explained(error) from error
        except httpx.HTTPError as error:
            return self._client.broken(error)
        size = self._blob.size
        return NetworkError(
            f"{self._what}: {self._client.host} ended {self._blob.digest} after"
            f" {self._at} of {size} bytes",
            hint=errors.AGAIN,
        )

    def _explained(self, error: RegistryError) -> AirgapError:
        if error.refusal.status != 404 or error.refusal.party != "registry":
            return error.about(self._what)
        return InputError(
            f"{self._what}: {self._client.host} lacks the blob {self._blob.digest}",
            hint="push the image there again",
        )

    def _receive(self, response: httpx.Response, buffer: memoryview) -> None:
        if response.status_code == 416:
            self._ranges = False  # some registries cannot give the last bytes alone
            return
        skip = self._at - _first_byte(response, self._at)
        window_began, window_bytes = self._clock.now(), 0
        for chunk in self._content(response, buffer, self._blob.size - self._at + skip):
            fresh = chunk[skip:] if skip else chunk
            skip = max(0, skip - len(chunk))
            self._take(fresh)
            window_bytes += len(chunk)
            if self._clock.now() - window_began > _SLOW_SECONDS:
                if window_bytes < _SLOW_BYTES:
                    raise httpx.ReadTimeout("it became too slow")
                window_began, window_bytes = self._clock.now(), 0

    def _take(self, fresh: memoryview) -> None:
        if self._at + len(fresh) > self._blob.size:
            raise InputError(
                f"{self._what}: {self._client.host} sent more than the {self._blob.size} bytes"
                f" of {self._blob.digest}",
                hint="something on the way alters content: try without the proxy or mirror",
            )
        if fresh:
            self._sink(fresh)
            self._at += len(fresh)

    def _content(
        self, response: httpx.Response, buffer: memoryview, expected: int
    ) -> Iterator[memoryview]:
        """Yield a body; one that was compressed on its way is unpacked.

        A layer is compressed itself, and storage often says so: the length tells which it is.
        """
        chunks = self._counted(_chunks(response, buffer))
        if not message.is_encoded(response) or message.length(response) == expected:
            return chunks
        if response.status_code == 206:
            self._ranges = False  # a part of what was compressed on the way is of no use
            return iter(())
        return _unpacked(chunks, self._blob.size)

    def _counted(self, chunks: Iterator[memoryview]) -> Iterator[memoryview]:
        for chunk in chunks:
            yield chunk
            self._client.gate.moved(len(chunk))


def _first_byte(response: httpx.Response, asked: int) -> int:
    """Return which byte of the blob a response begins with."""
    if response.status_code == 200:
        return 0
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    first = int(match[1]) if match else asked
    if first > asked:
        raise httpx.RemoteProtocolError("another range came than was asked for")
    return first


def _chunks(response: httpx.Response, buffer: memoryview) -> Iterator[memoryview]:
    """Yield a body, without a copy where the transport can."""
    body = response.extensions.get("body")
    if body is None:
        for piece in response.iter_raw():
            yield memoryview(piece)
        return
    while count := body.readinto(buffer):
        yield buffer[:count]


def _unpacked(chunks: Iterator[memoryview], size: int) -> Iterator[memoryview]:
    """Yield what chunks hold: one byte more than ``size`` at the most."""
    unpack, left = zlib.decompressobj(wbits=31), size + 1
    for chunk in chunks:
        data: bytes | memoryview = chunk
        while data and left > 0:
            try:
                piece = unpack.decompress(data, min(left, len(chunk) + 1))
            except zlib.error as error:
                raise httpx.DecodingError("it is said to be compressed, and is not") from error
            left -= len(piece)
            yield memoryview(piece)
            data = unpack.unconsumed_tail
