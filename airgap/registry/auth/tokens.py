"""tokens: fetched from a registry's token server and kept, one for each scope.

Follows the distribution project's token authentication, and OAuth2 for identity tokens (RFC 6749,
section 6).
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx

from airgap.errors import InputError, NetworkError
from airgap.oci import strictjson
from airgap.registry import errors, message
from airgap.registry.auth.challenge import Challenge, basic
from airgap.registry.auth.realms import Realms
from airgap.registry.credentials import Credential
from airgap.transfer.stop import Clock

_MAX_BYTES = 1 << 20
_SHORTEST_SECONDS, _MARGIN_SECONDS = 60, 10


class NotGivenError(Exception):
    """A token server answered with something else than a token.

    Attributes:
        response: its answer, unread.
    """

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.response = response


@dataclass
class _Kept:
    """The token of one scope.

    Attributes:
        lock: held by who fetches it: others of the scope wait for it, those of other scopes do not.
        given: the token, and the moment at which it is of no more use.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    given: tuple[str, float] = ("", 0.0)

    def of_use(self, clock: Clock, refused: str) -> str:
        token, end = self.given
        return token if token != refused and clock.now() < end else ""


class Tokens:
    """The tokens of one registry. Thread-safe.

    Args:
        below: sends requests.
        credential: looks up what is known for a repository; None asks as anybody.
        realms: says where the credential may go.
        clock: tells when a token ends.
        elsewhere: is entered while a token server of another origin is waited for, so that the
            registry's connections are not held meanwhile.
    """

    def __init__(
        self,
        below: httpx.BaseTransport,
        credential: Callable[[str], Credential | None],
        realms: Realms,
        clock: Clock,
        elsewhere: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._below, self._credential, self._realms = below, credential, realms
        self._clock, self._lock, self._elsewhere = clock, threading.Lock(), elsewhere
        self._kept: dict[tuple[Challenge, str], _Kept] = defaultdict(_Kept)

    def get(self, challenge: Challenge, scope: str, base: httpx.URL, refused: str = "") -> str:
        """Return a token for a scope.

        Args:
            challenge: where to get it.
            scope: what for; several with a space between them.
            base: the registry's URL.
            refused: one that the registry did not take.

        Raises:
            NotGivenError: the token server answered with something else.
            TrustError: the token server must not be asked.
            NetworkError: what it gave is no token.
        """
        with self._lock:
            kept = self._kept[challenge, scope]
        if token := kept.of_use(self._clock, refused):
            return token
        is_here = self._realms.is_at_home(challenge.realm, base)
        with nullcontext() if is_here else self._elsewhere(), kept.lock:
            token = kept.of_use(self._clock, refused)
            if not token:
                token, seconds = self._fetch(challenge, scope, base)
                kept.given = token, self._clock.now() + seconds
            return token

    def _fetch(self, challenge: Challenge, scope: str, base: httpx.URL) -> tuple[str, float]:
        credential = self._credential(message.repository_of(scope))
        url = self._realms.check(challenge.realm, base, secret=credential is not None)
        response = self._below.handle_request(_request(url, challenge, scope, credential))
        if response.status_code != 200:
            raise NotGivenError(response)
        try:
            body = message.read(response, _MAX_BYTES + 1, self._clock)
        finally:
            response.close()
        who = f"{url.netloc.decode()} (the token server of {self._realms.registry})"
        return _token(message.decoded(response, body, _MAX_BYTES + 1), who)


def _request(
    url: httpx.URL, challenge: Challenge, scope: str, credential: Credential | None
) -> httpx.Request:
    values = [("service", challenge.service), *(("scope", one) for one in scope.split())]
    values = [(key, value) for key, value in values if value]
    headers = {"User-Agent": "airgap", "Accept-Encoding": "identity"}
    extensions = {"party": "token server", "stay": True}
    if credential and credential.identity_token:
        form: dict[str, Any] = {
            "grant_type": "refresh_token", "client_id": "airgap",
            "refresh_token": credential.identity_token, "service": challenge.service,
            "scope": scope,
        }  # fmt: skip
        return httpx.Request("POST", url, data=form, headers=headers, extensions=extensions)
    if header := basic(credential):
        headers["Authorization"] = header
    for key, value in values:
        url = url.copy_add_param(key, value)
    return httpx.Request("GET", url, headers=headers, extensions=extensions)


def _token(body: bytes, who: str) -> tuple[str, float]:
    """Return a token and the seconds that it is of use."""
    if len(body) > _MAX_BYTES:
        raise NetworkError(f"{who} sent more than 1 MiB", hint=errors.AGAIN)
    if errors.is_page(body):
        raise NetworkError(
            f"{who} answered with a page for browsers, not with a token",
            hint="a login page or a filter stands in between: check the address and the proxy",
        )
    try:
        value = strictjson.load_object(body, f"{who}: its answer")
    except InputError as error:
        raise NetworkError(error.message, hint=errors.AGAIN) from error
    token = value.get("token") or value.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise NetworkError(f"{who} gave no token", hint=errors.AGAIN)
    seconds = value.get("expires_in")
    seconds = seconds if isinstance(seconds, int | float) else _SHORTEST_SECONDS
    return token, max(seconds, _SHORTEST_SECONDS) - _MARGIN_SECONDS
