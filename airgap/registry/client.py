"""client: requests to one registry, authorised, redirected with care, and tried again.

Redirects are followed by our own code: credentials stay with the origin that they are for, and a
step from https down to http is refused.
"""

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httpx

from airgap.errors import AirgapError, InputError, NetworkError, TrustError
from airgap.progress import Progress
from airgap.registry import errors, retry
from airgap.registry.auth import Authorizer
from airgap.registry.credentials import Credential
from airgap.registry.gate import Gate
from airgap.registry.options import Options
from airgap.registry.route import Router, is_loopback
from airgap.transfer.ports import Stopped

_MAX_REDIRECTS = 10
_READ_SECONDS = 60.0
"""How long a body that is held in memory may take."""
_USER_AGENT = "airgap"
_NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout)
_REDIRECTS = (301, 302, 303, 307, 308)

Content = Callable[[], Iterator[bytes | memoryview]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a registry is.

    Attributes:
        host: what it is called, with its port; for errors and credentials.
        base: its URL without a path, ``https://HOST[:PORT]``; scheme empty where not yet known.
        prefix: put before each repository, for a mirror below a path.
    """

    host: str
    base: str
    prefix: str = ""

    def repository(self, path: str) -> str:
        """Return a repository's name at this endpoint."""
        return f"{self.prefix}/{path}" if self.prefix else path


@dataclass(frozen=True, slots=True)
class _Call:
    """What `Client.request` is to send."""

    method: str
    path: str | httpx.URL
    headers: Mapping[str, str]
    content: Content | None
    patience: float


class Client:
    """One registry.

    Args:
        endpoint: where it is.
        options: how to talk to it.
        credential: looks up what is known for it; called when the registry asks for it.
        progress: is told of retries and warnings.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        options: Options,
        credential: Callable[[], Credential | None],
        progress: Progress,
    ) -> None:
        self.endpoint, self.options, self._progress = endpoint, options, progress
        self.host = endpoint.host
        self._credential = functools.cache(credential)
        self._insecure = endpoint.host in options.insecure
        timeout = httpx.Timeout(options.idle, connect=20)
        self._router = Router(options)
        self._http = httpx.Client(transport=self._router, timeout=timeout, trust_env=False)
        self._base = endpoint.base if urlsplit(endpoint.base).scheme else ""
        self._lock = threading.Lock()
        self._authorizer: Authorizer | None = None
        self.gate = Gate(options.connections)
        self._stopping = threading.Event()
        self._unreachable = False
        if self._insecure:
            progress.warn(f"{self.host} is used without verified TLS (--insecure-registry)")

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def stop(self) -> None:
        """End the waits and transfers of other threads: they raise Stopped."""
        self._stopping.set()
        self.gate.open()
        self._router.stop()

    @contextmanager
    def request(
        self,
        method: str,
        path: str | httpx.URL,
        *,
        scope: str,
        headers: Mapping[str, str] | None = None,
        content: Content | None = None,
        expect: tuple[int, ...] = (200,),
        tries: int | None = None,
        patience: float = 0,
    ) -> Iterator[httpx.Response]:
        """Send a request and hand out the answer, its body unread.

        Args:
            method: of HTTP.
            path: below the registry's base, beginning with a slash, or a whole URL of the same
                origin.
            scope: what a token is asked for, such as ``repository:library/nginx:pull``.
            headers: besides those of every request.
            content: begins the body; called again for each try.
            expect: the statuses that are an answer; all else is an error.
            tries: attempts instead of the options' number.
            patience: seconds without a byte that the answer may take, where that is more than
                the options' ``idle``.

        Raises:
            RegistryError: the answer was another, in spite of retries where they may help: it is
                a `RefusedError`, `FailedError` or `FullError` of `airgap.registry.errors`.
            NetworkError: no answer came, in spite of retries.
            TrustError: it would lead where it must not.
            Stopped: `stop` was called.
        """
        most = tries or self.options.tries
        attempt = 0
        while True:
            attempt += 1
            self._sleep(0)
            response: httpx.Response | None = None
            try:
                response = self._authorised(
                    _Call(method, path, headers or {}, content, patience), scope
                )
            except httpx.HTTPError as error:
                # A host that several tries could not reach gets one more for each request only.
                most = 1 if self._unreachable else most
                self._unreachable |= attempt >= most and isinstance(error, _NOT_REACHED)
                self._pause_or_raise(self._broken(error), attempt, most, None)
                continue
            self._unreachable = False
            if response.status_code in expect:
                break
            try:
                self._pause_or_raise(self._refused(response), attempt, most, response)
            finally:
                response.close()
        try:
            yield response
        finally:
            response.close()

    def read(self, response: httpx.Response, limit: int, what: str) -> bytes:
        """Read a body of at most ``limit`` bytes.

        Raises:
            InputError: it is longer.
            NetworkError: the connection broke.
        """
        try:
            body = _read(response, limit + 1)
        except httpx.HTTPError as error:
            raise self.broken(error) from error
        if len(body) > limit:
            raise InputError(f"{what}: {self.host} sent more than {limit >> 20} MiB")
        return body

    def broken(self, error: httpx.HTTPError) -> NetworkError:
        """Return our error for a transfer that broke."""
        return NetworkError(
            f"{self.host}: the connection broke ({error or type(error).__name__})",
            hint=errors.AGAIN,
        )

    def pause(self, error: AirgapError, attempt: int) -> None:
        """Wait before the next try of something that broke half-way."""
        self.gate.complained()
        seconds = retry.backoff(attempt)
        self._progress.detail(f"{error.message}; try {attempt + 1} in {seconds:.1f} s")
        self._sleep(seconds)

    def base(self) -> str:
        """Return the registry's URL; finds out whether it speaks https where that is open."""
        with self._lock:
            if not self._base:
                self._base = self._probe()
            return self._base

    def _probe(self) -> str:
        """Try https, then http where that is allowed: docker's meaning of insecure."""
        name = self.endpoint.base.removeprefix("//")
        secure, plain = f"https://{name}", f"http://{name}"
        if not (self._insecure or is_loopback(urlsplit(f"//{name}").hostname or name)):
            return secure
        try:
            with self._http.stream("GET", f"{secure}/v2/", follow_redirects=False):
                return secure
        except httpx.HTTPError as error:
            if retry.is_bad_certificate(error):
                return secure  # it does speak https: the real request will say what is wrong
        try:
            with self._http.stream("GET", f"{plain}/v2/", follow_redirects=False) as response:
                # A server that expects TLS answers 400 to plain http.
                return secure if response.status_code == 400 else plain
        except httpx.HTTPError:
            return secure

    def _authorised(self, call: _Call, scope: str) -> httpx.Response:
        """Send with what is known of the challenge; where it is new, once more."""
        authorizer = self._auth()
        response = self._redirected(call, authorizer.header(scope))
        if response.status_code == 401 and authorizer.challenged(response.headers, scope):
            response.close()
            response = self._redirected(call, authorizer.header(scope))
        return response

    def _auth(self) -> Authorizer:
        base = self.base()
        with self._lock:
            if self._authorizer is None:
                self._authorizer = Authorizer(
                    base, self.host, self._credential, self.options.trust_realms, self._send_token
                )
            return self._authorizer

    def _redirected(self, call: _Call, authorization: str | None) -> httpx.Response:
        # URLs are read as seldom as can be: each costs a good part of what a request costs.
        base = parsed(self.base())
        url = call.path if isinstance(call.path, httpx.URL) else httpx.URL(self.base() + call.path)
        timeout = httpx.Timeout(max(self.options.idle, call.patience), connect=20)
        asked: httpx.Request | None = None
        for _ in range(_MAX_REDIRECTS + 1):
            sent = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **call.headers}
            if authorization and _same_origin(url, base):
                sent["Authorization"] = authorization
            # The transport takes a view of memory as well as bytes, and does not copy it.
            body = cast("Iterator[bytes]", call.content()) if call.content else None
            request = self._http.build_request(
                call.method, url, headers=sent, content=body, timeout=timeout
            )
            asked = asked or request
            response = self._http.send(request, stream=True, follow_redirects=False)
            response.extensions["asked"] = asked
            target = response.headers.get("Location")
            if (
                call.method not in ("GET", "HEAD")
                or response.status_code not in _REDIRECTS
                or not target
            ):
                return response
            response.close()
            url = self._follow(url, target)
        raise NetworkError(
            f"{self.host} redirects more than {_MAX_REDIRECTS} times",
            hint="ask the registry's administrator, or use another mirror",
        )

    def _follow(self, url: httpx.URL, target: str) -> httpx.URL:
        try:
            found = url.join(target)
        except httpx.InvalidURL as error:
            raise NetworkError(
                f"{self.host} redirects to an invalid URL", hint="ask its administrator"
            ) from error
        if found.scheme not in ("https", "http") or found.scheme == "http" != url.scheme:
            raise TrustError(
                f"{self.host} redirects from {url.scheme} to {found.scheme}://{found.host}",
                hint="ask the registry's administrator: its storage is not served over https",
            )
        return found

    def _send_token(self, request: httpx.Request, limit: int) -> tuple[httpx.Response, bytes]:
        request.headers["User-Agent"] = _USER_AGENT
        for attempt in range(1, self.options.tries + 1):
            try:
                response = self._http.send(request, stream=True, follow_redirects=False)
                try:
                    body = _read(response, limit + 1)
                finally:
                    response.close()
            except httpx.HTTPError as error:
                self._pause_or_raise(self._broken(error), attempt, self.options.tries, None)
                continue
            if len(body) > limit:
                raise NetworkError(f"{self.host}: the token server sent more than 1 MiB")
            if not retry.passes(response.status_code) or attempt == self.options.tries:
                return response, body
            error_ = NetworkError(f"{self.host}: the token server said {response.status_code}")
            self._pause_or_raise(error_, attempt, self.options.tries, response)
        raise AssertionError  # the last try returns or raises

    def _broken(self, error: httpx.HTTPError) -> AirgapError:
        if retry.is_bad_certificate(error):
            return TrustError(
                f"{self.host}: its certificate does not hold ({error})",
                hint=f"name its CA with --ca FILE, or --insecure-registry {self.host}",
            )
        return NetworkError(
            f"{self.host}: no answer ({error or type(error).__name__})",
            hint="check the network and the proxy settings, then run the same command again",
        )

    def _refused(self, response: httpx.Response) -> errors.RegistryError:
        """Turn an answer that was not expected into our error."""
        body = b""
        with contextlib.suppress(httpx.HTTPError):
            body = _read(response, errors.MAX_BODY)
        asked, answered = response.extensions["asked"], _host(response.request.url)
        elsewhere = not _same_origin(asked.url, response.request.url)
        refusal = errors.read(
            response.status_code,
            body,
            registry=self.host,
            answered=answered if elsewhere else self.host,
            party="storage" if elsewhere else "registry",
            method=asked.method,
            path=asked.url.path,
        )
        return errors.error_of(refusal, logged_in=self._credential() is not None)

    def _pause_or_raise(
        self, error: AirgapError, attempt: int, most: int, response: httpx.Response | None
    ) -> None:
        if self._stopping.is_set():
            raise Stopped  # what broke did so because of that
        if not isinstance(error, NetworkError) or attempt >= most:
            raise error
        seconds = retry.retry_after(response) if response is not None else None
        if seconds is not None and seconds > self.options.max_wait:
            raise NetworkError(
                f"{error.message}, and asks to wait {seconds:.0f} s",
                hint=f"wait, or allow it with --max-wait {seconds:.0f}",
            )
        self.gate.complained()
        seconds = retry.backoff(attempt) if seconds is None else seconds
        tell = self._progress.warn if seconds > 10 else self._progress.detail
        tell(f"{error.message}; try {attempt + 1} of {most} in {seconds:.1f} s")
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        """Wait, or end the thread when the run ends."""
        if self._stopping.wait(seconds):
            raise Stopped


@functools.lru_cache
def parsed(base: str) -> httpx.URL:
    """Return a registry's base as a URL."""
    return httpx.URL(base)


def _same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    def origin(url: httpx.URL) -> tuple[str, str, int]:
        return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)

    return origin(one) == origin(other)


def _host(url: httpx.URL) -> str:
    """Return the host of a URL as people write it, with a port that is not the scheme's."""
    return url.netloc.decode("ascii")


def _read(response: httpx.Response, limit: int) -> bytes:
    body, end = bytearray(), time.monotonic() + _READ_SECONDS
    for piece in response.iter_raw():
        body += piece
        if time.monotonic() > end:
            raise httpx.ReadTimeout("it became too slow")
        if len(body) >= limit:
            break
    return bytes(body[:limit])
