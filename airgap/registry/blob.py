"""blob: one blob, or a part of one, on its way from a registry, taken up where it broke.

Follows RFC 9110, section 14, for ranges: a registry that ignores them is read from the start, and
what was there already is skipped. Parts of one blob are asked for by its ETag (section 13.1.5):
where the content changed between two of them, the whole comes instead of a part.
"""

import re
import zlib
from collections.abc import Iterator, Mapping, MutableMapping

import httpx

from airgap.errors import AirgapError, InputError, NetworkError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.registry import errors, message
from airgap.registry.attempts import Attempts
from airgap.registry.client import Client
from airgap.registry.errors import RegistryError
from airgap.transfer.ports import Part, Sink

Tags = MutableMapping[tuple[str, Digest], str]
"""The ETags of blobs, by registry and digest."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_STRONG_TAG = re.compile(r'"[!#-~]{0,200}"')
_SLOW_SECONDS, _SLOW_BYTES = 60.0, 60 << 10
"""A connection that brings less than this in that time is given up and made anew."""
_MUCH = 1 << 20
"""A connection that brought that much before it broke tells of no overload: on at once."""


class Whole:
    """A blob from a byte to its end, for a sink; implements Part."""

    def __init__(self, sink: Sink, at: int, end: int) -> None:
        self._sink, self.at, self.end = sink, at, end

    def answered(self, *, parts: bool) -> None:
        """Take what comes: what is there already is skipped."""

    def take(self, chunk: memoryview) -> None:
        """Hand on the next bytes."""
        self._sink(chunk)
        self.at += len(chunk)


class Download:
    """One blob on its way, or a part of it; for one thread.

    Args:
        client: the registry.
        repository: of the registry, as `Endpoint.repository` names it.
        blob: what.
        what: names the image in errors.
        part: takes the bytes, in order, each once.
        tags: what is known of the blob, and of others.
    """

    def __init__(
        self,
        client: Client,
        repository: str,
        blob: Descriptor,
        what: str,
        part: Part,
        tags: Tags,
    ) -> None:
        self._client, self._blob, self._what, self._part = client, blob, what, part
        self._path = f"/v2/{repository}/blobs/{blob.digest}"
        self._scope = f"repository:{repository}:pull"
        self._clock = client.options.clock
        self._tags, self._tag_of = tags, (client.host, blob.digest)
        self._ranges, self._given = True, blob.size

    def run(self, buffer: memoryview) -> None:
        """Fetch what is missing, by way of ``buffer``.

        Raises:
            InputError: the registry lacks it, or sends more than it should.
            RegistryError: it was refused.
            NetworkError: it broke, and more tries did not help.
            Stopped: the run ends.
        """
        attempts, part = self._client.attempts(), self._part
        while part.at < part.end:
            begun, ranges = part.at, self._ranges
            broken = self._try(buffer, attempts)
            brought, was_all = part.at - begun, part.at >= self._given
            if brought >= _SLOW_BYTES:
                attempts.progressed()
            worked = brought >= (_SLOW_BYTES if was_all else _MUCH)
            if part.at < part.end and self._ranges == ranges and not worked:
                attempts.failed(broken)

    def _try(self, buffer: memoryview, attempts: Attempts) -> AirgapError:
        """Fetch what comes; returns why that is all."""
        begin, self._given = self._part.at, self._blob.size
        headers = self._headers(begin, self._part.end) if self._ranges else {}
        try:
            with self._client.request(
                "GET", self._path, scope=self._scope, headers=headers,
                expect=(200, 206, 416), attempts=attempts,
            ) as response:  # fmt: skip
                first = self._first_byte(response, begin) if headers else 0
                if first is not None:
                    self._receive(response, buffer, begin - first, self._given - first)
        except RegistryError as error:
            raise self._explained(error) from error
        except httpx.HTTPError as error:
            return self._client.broken(error)
        return NetworkError(
            f"{self._what}: {self._client.host} ended {self._blob.digest} after"
            f" {self._part.at} of {self._blob.size} bytes",
            hint=errors.AGAIN,
        )

    def _explained(self, error: RegistryError) -> AirgapError:
        if error.refusal.status != 404 or error.refusal.party != "registry":
            return error.about(self._what)
        return InputError(
            f"{self._what}: {self._client.host} lacks the blob {self._blob.digest}",
            hint="push the image there again",
        )

    def _headers(self, begin: int, end: int) -> Mapping[str, str]:
        """Return what asks for a range; nothing where that is the whole blob."""
        if (begin, end) == (0, self._blob.size):
            return {}
        last = "" if end == self._blob.size else end - 1
        tag = self._tags.get(self._tag_of)
        return {"Range": f"bytes={begin}-{last}"} | ({"If-Range": tag} if tag else {})

    def _first_byte(self, response: httpx.Response, asked: int) -> int | None:
        """Return which byte of the blob a response begins with; None where it is of no use."""
        if response.status_code == 206 and (first := self._range_of(response, asked)) is not None:
            self._part.answered(parts=True)
            return first
        self._tags.pop(self._tag_of, None)
        self._part.answered(parts=False)
        if response.status_code == 200:
            return 0
        self._ranges = False  # some registries cannot give the last bytes alone
        return None

    def _range_of(self, response: httpx.Response, asked: int) -> int | None:
        """Return where a range begins; None where it is not of what the others were of."""
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None:
            return None
        first, last = int(match[1]), int(match[2])
        if not first <= asked <= last or match[3] not in ("*", str(self._blob.size)):
            return None
        tag = response.headers.get("ETag", "")
        if _STRONG_TAG.fullmatch(tag) and self._tags.setdefault(self._tag_of, tag) != tag:
            return None
        self._given = last + 1  # some give less than they were asked for
        return first

    def _receive(
        self, response: httpx.Response, buffer: memoryview, skip: int, expected: int
    ) -> None:
        part, size = self._part, self._blob.size
        window_began, window_bytes = self._clock.now(), 0
        for chunk in self._content(response, buffer, expected):
            fresh = chunk[skip:] if skip else chunk
            skip = max(0, skip - len(chunk))
            self._take(fresh)
            if part.at >= part.end < size:
                return  # its end came nearer meanwhile
            window_bytes += len(chunk)
            if self._clock.now() - window_began > _SLOW_SECONDS:
                if window_bytes < _SLOW_BYTES:
                    raise httpx.ReadTimeout("it became too slow")
                window_began, window_bytes = self._clock.now(), 0

    def _take(self, fresh: memoryview) -> None:
        size = self._blob.size
        if self._part.at + len(fresh) > size == self._part.end:
            raise InputError(
                f"{self._what}: {self._client.host} sent more than the {size} bytes"
                f" of {self._blob.digest}",
                hint="something on the way alters content: try without the proxy or mirror",
            )
        if fresh:
            self._part.take(fresh)

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
            self._part.answered(parts=False)
            return iter(())
        return _unpacked(chunks, self._blob.size)

    def _counted(self, chunks: Iterator[memoryview]) -> Iterator[memoryview]:
        for chunk in chunks:
            yield chunk
            self._client.gate.moved(len(chunk))


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
