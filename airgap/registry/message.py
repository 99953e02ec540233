"""message: requests and answers as the transports of the stack hand them on.

A request carries in its extensions what is not for the other side:

expect    statuses that are an answer even where they would pass
scope     what a token is asked for, such as ``repository:library/nginx:pull``
attempts  an `attempts.Attempts` that counts its tries together with those of other requests
party     whom it goes to, where that is not the registry: see `errors.Party`
stay      whether it is redirected within its own origin alone
timeout   seconds, as httpx has it

An answer's ``request`` is the one that was answered in the end: a redirect's, or a token's.
"""

import contextlib
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import httpx

from airgap.registry.errors import Party
from airgap.transfer.stop import Clock

Content = Callable[[], Iterator[bytes | memoryview]]
"""Begins a request's body; called again for each try."""

_USER_AGENT = "airgap"
_READ_SECONDS = 60.0
"""How long a body that is held in memory may take."""
_DISCARDED = 8 << 10
"""Bytes that are read for a connection to be used again, of a body that nobody wants."""
_DISCARD_SECONDS = 2.0
_GZIP = ("gzip", "x-gzip")


class _Body(httpx.SyncByteStream):
    """A request's body, which can be sent again."""

    def __init__(self, content: Content | None) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        # The wire takes a view of memory as well as bytes, and does not copy it.
        return cast("Iterator[bytes]", self._content()) if self._content else iter(())


def request(
    method: str,
    url: httpx.URL,
    headers: Mapping[str, str],
    content: Content | None = None,
    **extensions: Any,
) -> httpx.Request:
    """Return a request that may be sent several times; `extensions` as above."""
    sent = {
        "Host": url.netloc.decode("ascii"), "User-Agent": _USER_AGENT,
        "Accept-Encoding": "identity", **headers,
    }  # fmt: skip
    return httpx.Request(method, url, headers=sent, stream=_Body(content), extensions=extensions)


def elsewhere(sent: httpx.Request, url: httpx.URL, **extensions: Any) -> httpx.Request:
    """Return a request for another URL, without what is for its own origin alone."""
    headers = sent.headers.copy()
    for name in ("Authorization", "Cookie"):
        headers.pop(name, None)
    headers["Host"] = url.netloc.decode("ascii")
    return httpx.Request(
        sent.method,
        url,
        headers=headers,
        stream=sent.stream,
        extensions={**sent.extensions, **extensions},
    )


def repository(sent: httpx.Request) -> str:
    """Return the repository that a request is for; empty where it is for none."""
    return repository_of(sent.extensions.get("scope", ""))


def repository_of(scope: str) -> str:
    """Return the first repository of a scope."""
    kind, _, rest = scope.partition(" ")[0].partition(":")
    return rest.rpartition(":")[0] if kind == "repository" else ""


def party(answered: httpx.Response) -> Party:
    """Return who answered."""
    said = answered.extensions.get("party") or answered.request.extensions.get("party")
    return cast("Party", said or "registry")


def read(response: httpx.Response, limit: int, clock: Clock) -> bytes:
    """Read ``limit`` bytes of a body at the most. httpx.HTTPError passes."""
    body, end = bytearray(), clock.now() + _READ_SECONDS
    for piece in response.iter_raw():
        body += piece
        if clock.now() > end:
            raise httpx.ReadTimeout("it became too slow", request=response.request)
        if len(body) >= limit:
            break
    return bytes(body[:limit])


def decoded(response: httpx.Response, body: bytes, limit: int) -> bytes:
    """Take off a compression that was not asked for; ``limit`` bytes at the most come of it.

    What is called compressed and is not stays as it is: some storage says so of any layer.
    """
    if not is_encoded(response) or not body.startswith(b"\x1f\x8b"):
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, limit)
    except zlib.error:
        return body


def is_encoded(response: httpx.Response) -> bool:
    """Tell whether a body is said to be compressed on its way, though nobody asked for that."""
    return response.headers.get("Content-Encoding", "").strip().lower() in _GZIP


def discard(response: httpx.Response) -> None:
    """Close an answer that nobody wants; a small body is read, so that its connection stays."""
    if _is_small(response) and not (response.is_stream_consumed or response.is_closed):
        left, end = _DISCARDED, time.monotonic() + _DISCARD_SECONDS
        with contextlib.suppress(httpx.HTTPError):
            for piece in response.iter_raw():
                left -= len(piece)
                if left < 0 or time.monotonic() > end:
                    break
    response.close()


def length(response: httpx.Response) -> int | None:
    """Return the Content-Length, None where there is none that is a number."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _is_small(response: httpx.Response) -> bool:
    announced = length(response)
    if announced is not None:
        return announced <= _DISCARDED
    return "chunked" in response.headers.get_list("Transfer-Encoding")
