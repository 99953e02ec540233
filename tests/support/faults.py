"""How an answer goes wrong, and rules that say which one does.

A rule looks at a request and returns a Fault, or None where it has nothing against it. The
registry in memory and the proxy before a real one take the same rules.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_WORDS = ("manifests", "blobs", "tags", "referrers")


@dataclass(frozen=True)
class Request:
    """A request that came.

    Attributes:
        number: counts those of the same method and path from 1.
        connection: the number of the connection that it came by.
        at: when, in seconds that only grow.
    """

    method: str
    path: str
    headers: dict[str, str]
    number: int
    connection: int = 0
    at: float = 0.0

    @property
    def repository(self) -> str:
        """The repository that it speaks of; empty where it speaks of none."""
        parts = urlsplit(self.path).path.removeprefix("/v2/").split("/")
        ends = [n for n, part in enumerate(parts) if n and part in _WORDS]
        return "/".join(parts[: ends[-1]]) if ends else ""

    @property
    def length(self) -> int:
        """The bytes of its body, as announced."""
        return int(self.headers.get("Content-Length") or 0)


@dataclass
class Fault:
    """How an answer goes wrong; what is not set stays as it would be.

    Attributes:
        status: answer this without asking further, with ``headers`` and ``body``.
        add: headers to set on the true answer; None removes one.
        delay: wait so many seconds before the answer.
        stall: wait so many seconds between the head and the body.
        drip: send the head byte by byte, so many seconds apart.
        cut: end the connection after so many bytes of the body.
        reset: end it with RST instead of FIN.
        flip: alter the byte at this place of the body.
        whole: hide the Range header.
        drop: end the connection without an answer.
        drop_reply: do what was asked, then end the connection.
        cut_upload: end the connection after so many bytes of the request's body.
        early: answer without reading the request's body, and end the connection.
        gzip: send the body compressed, and say so.
        chunked: send the body in chunks, without a length.
        endless: send zeros for ever after the head (until the client leaves).
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    add: dict[str, str | None] = field(default_factory=dict)
    delay: float = 0
    stall: float = 0
    drip: float = 0
    cut: int | None = None
    reset: bool = False
    flip: int | None = None
    whole: bool = False
    drop: bool = False
    drop_reply: bool = False
    cut_upload: int | None = None
    early: bool = False
    gzip: bool = False
    chunked: bool = False
    endless: bool = False


Rule = Callable[[Request], Fault | None]


def on(
    fault: Fault,
    *,
    method: str = "",
    part: str = "",
    repository: str | None = None,
    times: int | None = None,
    after: int = 0,
) -> Rule:
    """Return a rule for the requests that fit in everything that is said.

    Args:
        fault: what happens to them.
        method: of HTTP; several with a bar between them; any where empty.
        part: of the path with its query.
        repository: exactly this one.
        times: only so many of them, counted over all paths; all where None.
        after: let so many of them pass first.
    """
    seen = 0

    def rule(request: Request) -> Fault | None:
        nonlocal seen
        fits = (
            (not method or request.method in method.split("|"))
            and part in request.path
            and repository in (None, request.repository)
        )
        if not fits:
            return None
        seen += 1
        return fault if seen > after and (times is None or seen <= after + times) else None

    return rule


def error(
    status: int, code: str, message: str = "", detail: object = None, **headers: str
) -> Fault:
    """Return an answer with the body that the distribution specification has for errors."""
    import json

    found = {"code": code, "message": message, "detail": detail}
    body = json.dumps({"errors": [found]}).encode()
    return Fault(status=status, body=body, headers={"Content-Type": "application/json", **headers})


def redirect(url: str, status: int = 307, body: bytes = b"<a href>Temporary Redirect</a>") -> Fault:
    """Return an answer that leads elsewhere, with a small body as registries send it."""
    return Fault(status=status, headers={"Location": url}, body=body)
