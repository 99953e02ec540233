"""Who is let in: passwords, or tokens of a token server, each with the habits of the field."""

import base64
import itertools
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.support.faults import Request
from tests.support.registry.memory import MemoryRegistry, refusal
from tests.support.serving import Answer

_SCOPE = re.compile(r"repository:([^:]+):([a-z,*]+)")


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass
class Passwords:
    """Basic authentication.

    Attributes:
        users: passwords by user.
        anonymous_pull: whether anybody may read.
        challenges: whether refusals of content carry a challenge, or that of ``/v2/`` alone.
        hidden: the status of a refusal without a challenge.
    """

    users: Mapping[str, str]
    anonymous_pull: bool = False
    challenges: bool = True
    hidden: int = 401

    def __call__(self, request: Request) -> Answer | None:
        given = request.headers.get("Authorization")
        if given in {basic(user, password) for user, password in self.users.items()}:
            return None
        front = urlsplit(request.path).path in ("/v2/", "/v2")
        if (
            self.anonymous_pull
            and not front
            and given is None
            and request.method in ("GET", "HEAD")
        ):
            return None
        if front or self.challenges:
            return refusal(401, "UNAUTHORIZED", **{"WWW-Authenticate": 'Basic realm="registry"'})
        return refusal(self.hidden, "DENIED" if self.hidden == 403 else "NAME_UNKNOWN")


Grant = Callable[[str | None, str, str], bool]
"""Told a user (None: anybody), a repository and an action: whether it is granted."""


@dataclass
class Tokens:
    """Tokens of a token server, which answers at ``/token`` of the registry or of another server.

    Attributes:
        server: whose ``/token`` it is.
        users: passwords by user; anybody may ask where empty.
        grant: what is granted.
        one_each: a ``scope`` parameter is one resource; two in one are refused.
        member: the member of the answer that the token stands in.
        expires: seconds that a token is said to hold; not said where None.
        uses: requests that a token serves before it is refused.
        challenges, hidden: as in `Passwords`.
        strict_mount: a mount whose origin is not granted is refused, not answered with an upload.
        scopes: the scopes of each token request.
    """

    server: MemoryRegistry
    users: Mapping[str, str] = field(default_factory=dict)
    grant: Grant = lambda user, repository, action: True
    one_each: bool = True
    member: str = "token"
    expires: int | None = 300
    uses: int | None = None
    challenges: bool = True
    hidden: int = 401
    strict_mount: bool = False
    realm: str = ""
    scopes: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._granted: dict[str, set[tuple[str, str]]] = {}
        self._used: dict[str, int] = {}
        self._numbers, self._lock = itertools.count(1), threading.Lock()
        self.server.pages["/token"] = self._token

    def __call__(self, request: Request) -> Answer | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        needed = self._needed(request)
        with self._lock:
            granted = self._granted.get(token)
            if granted is not None:
                self._used[token] = self._used.get(token, 0) + 1
                if self.uses is not None and self._used[token] > self.uses:
                    granted = None
        front = urlsplit(request.path).path in ("/v2/", "/v2")
        if granted is not None and needed <= granted:
            return None
        if not (front or self.challenges):
            return refusal(self.hidden, "DENIED" if self.hidden == 403 else "NAME_UNKNOWN")
        scopes = " ".join(f"repository:{name}:{action}" for name, action in sorted(needed))
        realm = self.realm or f"{self.server.url}/token"
        challenge = f'Bearer realm="{realm}",service="test"'
        challenge += f',scope="{scopes}"' if scopes else ""
        return refusal(401, "UNAUTHORIZED", **{"WWW-Authenticate": challenge})

    def _needed(self, request: Request) -> set[tuple[str, str]]:
        name = request.repository
        if not name:
            return set()
        if request.method in ("GET", "HEAD"):
            return {(name, "pull")}
        needed = {(name, "pull"), (name, "push")}
        origin = parse_qs(urlsplit(request.path).query).get("from", [""])[0]
        if self.strict_mount and origin:
            needed.add((origin, "pull"))
        return needed

    def _token(self, request: Request, body: bytes) -> Answer:
        url = urlsplit(request.path)
        query = parse_qs(body.decode() if request.method == "POST" else url.query)
        scopes = query.get("scope", [])
        user = self._user(request.headers.get("Authorization"))
        with self._lock:
            self.scopes.append(scopes)
        if user == "":
            return refusal(401, "UNAUTHORIZED", "incorrect username or password")
        if self.one_each and any(" " in scope for scope in scopes):
            return refusal(400, "INVALID", "invalid scope: one resource for each parameter")
        granted = {
            (match[1], action)
            for scope in scopes
            for match in _SCOPE.finditer(scope)
            for action in match[2].split(",")
            if self.grant(user, match[1], action)
        }
        return self._give(granted)

    def _user(self, header: str | None) -> str | None:
        """Return who asks: None for anybody, empty where the password is wrong."""
        if header is None:
            return None
        return next((u for u, p in self.users.items() if basic(u, p) == header), "")

    def _give(self, granted: set[tuple[str, str]]) -> Answer:
        token = f"token-{next(self._numbers)}"
        with self._lock:
            self._granted[token] = granted
        value: dict[str, object] = {self.member: token}
        if self.expires is not None:
            value["expires_in"] = self.expires
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(value).encode())
