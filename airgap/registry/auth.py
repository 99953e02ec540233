"""auth: challenges and tokens.

Follows the distribution project's token authentication, and RFC 7235 for challenges. The realm
comes from the registry, so it decides where a password would go: it must be on the registry's
own domain, or named with --trust-realm; an address only if it is the registry's own; never a
step down from https; and a token server's redirect is not followed.
"""

import base64
import ipaddress
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from airgap.errors import InputError, NetworkError, TrustError
from airgap.oci import strictjson
from airgap.oci.digest import shown
from airgap.registry import errors
from airgap.registry.credentials import Credential

_PARAMETER = re.compile(r'\b([a-zA-Z_]{1,64})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_MAX_TOKEN = 1 << 20
_SHORTEST_SECONDS, _MARGIN_SECONDS = 60, 10


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a WWW-Authenticate header asks for."""

    scheme: str
    realm: str = ""
    service: str = ""

    @classmethod
    def of(cls, headers: httpx.Headers) -> "Challenge | None":
        """Read the first bearer challenge of a response, else a basic one, else None."""
        found = [cls._parse(text) for text in headers.get_list("WWW-Authenticate")]
        ranked = sorted(found, key=lambda challenge: challenge.scheme != "bearer")
        return next((c for c in ranked if c.scheme in ("bearer", "basic")), None)

    @classmethod
    def _parse(cls, text: str) -> "Challenge":
        scheme, _, rest = text[:8192].strip().partition(" ")
        values = {m[1].lower(): m[2] or m[3] or "" for m in _PARAMETER.finditer(rest)}
        return cls(scheme.lower(), values.get("realm", ""), values.get("service", ""))


class Sender(Protocol):
    """Sends one request without redirects and returns the answer with its body, capped."""

    def __call__(self, request: httpx.Request, limit: int) -> tuple[httpx.Response, bytes]:
        """Send and read at most ``limit`` bytes."""


class Authorizer:
    """Answers the challenges of one registry, and keeps the tokens.

    Args:
        base: the registry's URL.
        host: what it is called in errors.
        credential: looks up what is known for it; None asks as anybody.
        trusted: further hosts that may be token servers.
        send: sends a request.
    """

    def __init__(
        self,
        base: str,
        host: str,
        credential: Callable[[], Credential | None],
        trusted: frozenset[str],
        send: Sender,
    ) -> None:
        self._base, self._host, self._credential = urlsplit(base), host, credential
        self._trusted, self._send = trusted, send
        self._challenge: Challenge | None = None
        self._tokens: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def header(self, scope: str) -> str | None:
        """Return the Authorization header for a scope, None before the first challenge."""
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            return self._basic()
        with self._lock:
            token, end = self._tokens.get(scope, ("", 0.0))
            if time.monotonic() >= end:
                token, seconds = self._fetch(challenge, scope)
                self._tokens[scope] = token, time.monotonic() + seconds
        return f"Bearer {token}"

    def challenged(self, headers: httpx.Headers, scope: str) -> bool:
        """Take a 401; tells whether another try may succeed."""
        challenge = Challenge.of(headers)
        if challenge is None or (challenge.scheme == "basic" and self._basic() is None):
            return False
        with self._lock:
            self._tokens.pop(scope, None)
            self._challenge = challenge
        return True

    def _basic(self) -> str | None:
        credential = self._credential()
        if credential is None or not credential.username:
            return None
        pair = f"{credential.username}:{credential.password}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _fetch(self, challenge: Challenge, scope: str) -> tuple[str, float]:
        self._check_realm(challenge.realm)
        response, body = self._send(self._token_request(challenge, scope), _MAX_TOKEN)
        what = f"{self._host}: the token server {urlsplit(challenge.realm).hostname}"
        if response.status_code != 200:
            refusal = errors.read(
                response.status_code,
                body,
                registry=self._host,
                answered=urlsplit(challenge.realm).netloc.rpartition("@")[2],
                party="token server",
            )
            raise errors.error_of(refusal, logged_in=self._credential() is not None)
        try:
            value = strictjson.load_object(body, f"{what}: its answer")
        except InputError as error:
            raise NetworkError(error.message, hint="run the same command again") from error
        token = value.get("token") or value.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise NetworkError(f"{what} gave no token", hint="run the same command again")
        seconds = value.get("expires_in")
        seconds = seconds if isinstance(seconds, int | float) else _SHORTEST_SECONDS
        return token, max(seconds, _SHORTEST_SECONDS) - _MARGIN_SECONDS

    def _token_request(self, challenge: Challenge, scope: str) -> httpx.Request:
        values = {"service": challenge.service, "scope": scope}
        values = {key: value for key, value in values.items() if value}
        credential = self._credential()
        if credential and credential.identity_token:
            form = {
                "grant_type": "refresh_token", "client_id": "airgap",
                "refresh_token": credential.identity_token, **values,
            }  # fmt: skip
            return httpx.Request("POST", challenge.realm, data=form)
        basic = self._basic()
        headers = {"Authorization": basic} if basic else {}
        url = httpx.URL(challenge.realm).copy_merge_params(values)
        return httpx.Request("GET", url, headers=headers)

    def _check_realm(self, realm: str) -> None:
        """Refuse a realm that must not get this registry's credentials.

        Raises:
            TrustError: names the realm.
        """
        try:
            url = urlsplit(realm)
            host, _ = (url.hostname or "").lower(), url.port
        except ValueError:
            url, host = urlsplit(""), ""
        same = host == (self._base.hostname or "").lower()
        trusted = host in self._trusted or f"{host}:{url.port}" in self._trusted
        step_down = url.scheme != "https" and not (url.scheme == self._base.scheme == "http")
        if not host or url.username is not None or url.password is not None or step_down:
            allowed = False
        elif _is_address(host):
            allowed = same or trusted
        else:
            allowed = same or trusted or _domain(host) == _domain(self._base.hostname or "")
        if not allowed:
            raise TrustError(
                f"{self._host} sends its users to the token server {shown(realm)},"
                " which is not its own",
                hint=f"if you trust it with your credentials: --trust-realm {host or 'HOST'}",
            )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


# Below these, strangers have names side by side: only the very same host is one owner.
_SHARED = (
    "amazonaws.com", "azurecr.io", "azurewebsites.net", "cloudapp.net", "cloudfront.net",
    "appspot.com", "github.io", "herokuapp.com", "ngrok.io", "ngrok.app", "nip.io", "sslip.io",
    "pages.dev", "workers.dev", "run.app", "windows.net", "duckdns.org", "vercel.app",
)  # fmt: skip


def _domain(host: str) -> str:
    """Return the registrable domain: two labels, three below a short one such as ``co.uk``."""
    host = host.lower().rstrip(".")
    labels = host.split(".")
    if host.endswith(tuple(f".{shared}" for shared in _SHARED)):
        return host
    short = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    count = 3 if short else 2
    return ".".join(labels[-count:]) if len(labels) >= count else host
