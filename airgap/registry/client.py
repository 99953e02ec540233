"""client: one registry, behind a stack of transports.

Retry(Auth(Redirect(Route(wire)))): each is an `httpx.BaseTransport` that knows the next one alone.
No cookie is kept, since nothing here keeps any.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from airgap.errors import InputError, NetworkError
from airgap.progress import Progress
from airgap.registry import errors, message, places
from airgap.registry.attempts import Attempts, Rules
from airgap.registry.auth.realms import Realms
from airgap.registry.auth.tokens import Tokens
from airgap.registry.auth.transport import Auth
from airgap.registry.credentials import Credential
from airgap.registry.endpoint import Endpoint, parsed
from airgap.registry.gate import Gate
from airgap.registry.message import Content
from airgap.registry.options import Options
from airgap.registry.redirect import Redirect
from airgap.registry.retry import Retry
from airgap.registry.route import Route
from airgap.transfer.stop import Stop


class Client:
    """One registry.

    Args:
        endpoint: where it is.
        options: how to talk to it.
        credential: looks up what is known for one of its repositories; called when the registry
            asks for it.
        progress: is told of retries and warnings.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        options: Options,
        credential: Callable[[str], Credential | None],
        progress: Progress,
    ) -> None:
        self.endpoint, self.options = endpoint, options
        self.host = endpoint.host
        self.gate = Gate(options.connections)
        self._credential = functools.cache(credential)
        self._base = endpoint.base if urlsplit(endpoint.base).scheme else ""
        self._lock = threading.Lock()
        self._stop = Stop(options.clock)
        self._rules = Rules(
            options.tries,
            options.max_wait,
            self._stop,
            progress,
            self.gate.complained,
            options.why_silent,
        )
        self._route = Route(options)
        self._places = places.Places(self._route.resolve)
        self._stop.then(self._break)
        self._retry = Retry(self._stack(), self.host, self._rules, self._is_logged_in)
        if endpoint.host in options.insecure:
            progress.warn(f"{self.host} is used without verified TLS (--insecure-registry)")

    def _stack(self) -> httpx.BaseTransport:
        redirect = Redirect(self._route, self.host, self._places)
        realms = Realms(self.host, self.options.trust_realms, self._places)
        step_out = self.gate.step_out
        tokens = Tokens(redirect, self._credential, realms, self.options.clock, step_out)
        return Auth(redirect, lambda: parsed(self.base()), self._credential, tokens)

    def may_lead(self, start: str, target: str) -> bool:
        """Tell whether what is read at one URL may name another one, as a redirect may."""
        return self._places.may_lead(httpx.URL(start), httpx.URL(target))

    def close(self) -> None:
        """Close all connections."""
        self._route.close()

    def stop(self) -> None:
        """End the waits and transfers of other threads: they raise Stopped."""
        self._stop.set()

    def _break(self) -> None:
        self.gate.open()
        self._route.stop()

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
        attempts: Attempts | None = None,
        patience: float = 0,
    ) -> Iterator[httpx.Response]:
        """Send a request and hand out the answer, its body unread.

        Args:
            method: of HTTP.
            path: below the registry's base, beginning with a slash, or a whole URL.
            scope: what a token is asked for, such as ``repository:library/nginx:pull``; several
                with a space between them.
            headers: besides those of every request.
            content: begins the body; called again for each try.
            expect: the statuses that are an answer; all else is an error.
            tries: attempts instead of the options' number.
            attempts: counts the tries together with those of other requests.
            patience: seconds without a byte that the answer may take, where that is more than
                the options' ``idle``.

        Raises:
            RegistryError: the answer was another, in spite of retries where they may help: it is
                a `RefusedError`, `FailedError` or `FullError` of `airgap.registry.errors`.
            NetworkError: no answer came, in spite of retries.
            TrustError: it would lead where it must not.
            Stopped: `stop` was called.
        """
        # URLs are read as seldom as can be: each costs a good part of what a request costs.
        url = path if isinstance(path, httpx.URL) else httpx.URL(self.base() + path)
        sent = message.request(
            method, url, headers or {}, content,
            scope=scope, expect=expect, attempts=attempts or self.attempts(tries),
            timeout={"read": max(self.options.idle, patience)},
        )  # fmt: skip
        response = self._retry.handle_request(sent)
        by_registry = message.party(response) in ("registry", "storage")
        if response.status_code not in expect or not by_registry:
            raise self._retry.refused(sent, response)
        try:
            yield response
        finally:
            message.discard(response)

    def attempts(self, most: int | None = None) -> Attempts:
        """Return the tries of one thing that takes several requests; see `request`."""
        return self._rules.attempts(most)

    def read(self, response: httpx.Response, limit: int, what: str) -> bytes:
        """Read a body of at most ``limit`` bytes.

        Raises:
            InputError: it is longer.
            NetworkError: the connection broke.
        """
        try:
            body = message.read(response, limit + 1, self.options.clock)
        except httpx.HTTPError as error:
            raise self.broken(error) from error
        body = message.decoded(response, body, limit + 1)
        if len(body) > limit:
            raise InputError(f"{what}: {self.host} sent more than {limit >> 20} MiB")
        return body

    def broken(self, error: httpx.HTTPError) -> NetworkError:
        """Return our error for a transfer that broke."""
        return NetworkError(
            f"{self.host}: the connection broke ({error or type(error).__name__})",
            hint=errors.AGAIN,
        )

    def base(self) -> str:
        """Return the registry's URL; finds out whether it speaks https where that is open."""
        with self._lock:
            if not self._base:
                self._base = self._route.base_of(self.endpoint.base.removeprefix("//"), self.host)
            return self._base

    def _is_logged_in(self, repository: str) -> bool:
        return self._credential(repository) is not None
