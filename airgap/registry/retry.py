"""retry: the one loop in which requests are sent again.

Retry-After follows RFC 9110, section 10.2.3.
"""

import functools
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from airgap.errors import AirgapError, NetworkError, TrustError
from airgap.registry import errors, message
from airgap.registry.attempts import Rules

_DOOR_SECONDS = 10.0


class Retry(httpx.BaseTransport):
    """Sends a request until it is answered by something that does not pass.

    Args:
        below: sends it once.
        registry: what the registry is called in errors.
        rules: bounds the tries.
        logged_in: whether credentials for a repository are known.
    """

    def __init__(
        self,
        below: httpx.BaseTransport,
        registry: str,
        rules: Rules,
        logged_in: Callable[[str], bool],
    ) -> None:
        self._below, self._registry, self._rules = below, registry, rules
        self._logged_in = logged_in

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            RegistryError: what came passes, but did not in all the tries.
            NetworkError: no answer came.
            TrustError: the other side is not who it must be.
            Stopped: the run ends.
        """
        attempts = request.extensions.get("attempts") or self._rules.attempts()
        is_there = functools.partial(self._is_there, request.url)
        while True:
            attempts.begin(is_there)
            try:
                response = self._below.handle_request(request)
            except httpx.HTTPError as error:
                attempts.failed(self.broken(error), silent=True)
                continue
            may_pass = _may_pass(response)
            if not may_pass:
                self._rules.health.answered()
            if not may_pass or response.status_code in request.extensions.get("expect", ()):
                return response
            attempts.failed(self.refused(request, response), retry_after(response))

    def _is_there(self, url: httpx.URL) -> bool:
        """Ask at the door of a registry: any answer tells that somebody is there."""
        door = message.request("GET", url.join("/v2/"), {}, timeout={"read": _DOOR_SECONDS})
        try:
            message.discard(self._below.handle_request(door))
        except httpx.HTTPError:
            return False
        except AirgapError:
            return True  # somebody said where to go
        return True

    def refused(self, request: httpx.Request, response: httpx.Response) -> errors.RegistryError:
        """Return the error for an answer that is not what was asked for; closes it."""
        body = b""
        try:
            body = message.read(response, errors.MAX_BODY, self._rules.stop.clock)
        except httpx.HTTPError:
            pass  # the status has to do
        finally:
            response.close()
        refusal = errors.read(
            response.status_code,
            message.decoded(response, body, errors.MAX_BODY),
            registry=self._registry,
            target=_host(response.request),
            answered=response.extensions.get("answered") or _host(response.request),
            party=message.party(response),
            method=request.method,
            path=request.url.path,
        )
        logged_in = refusal.is_denied and self._logged_in(refusal.repository)
        error = errors.error_of(refusal, logged_in=logged_in)
        # What a proxy leads to is a page of its own: no registry's other address.
        if refusal.party != "proxy" and (elsewhere := _leads_to(response)):
            hint = f"it leads to {elsewhere}: name that address instead"
            error = type(error)(error.message, refusal, hint=hint)
        return error

    def broken(self, error: httpx.HTTPError) -> AirgapError:
        """Return our error for an answer that did not come."""
        who, host = self._registry, self._registry
        sent = error._request  # its property raises where there is none
        if sent is not None and (party := sent.extensions.get("party")):
            host = _host(sent)
            who = f"{host} (the {party} of {self._registry})"
        if isinstance(error, httpx.ProxyError):
            return _proxy_broken(who, error)
        if is_bad_certificate(error):
            return TrustError(
                f"{who}: its certificate is not valid ({error})",
                hint=f"name its CA with --ca FILE, or --insecure-registry {host}",
            )
        return NetworkError(
            f"{who}: no answer ({error or type(error).__name__})",
            hint="check the network and the proxy settings, then run the same command again",
        )


def _proxy_broken(who: str, error: httpx.ProxyError) -> AirgapError:
    if is_bad_certificate(error):
        hint = "name the CA of the proxy with --ca FILE"
        return TrustError(f"{who}: its certificate is not valid ({error})", hint=hint)
    return NetworkError(
        f"{who}: no answer ({error})",
        hint="check http_proxy, https_proxy and no_proxy, then run the same command again",
    )


def _may_pass(response: httpx.Response) -> bool:
    method, party = response.request.method, message.party(response)
    found = errors.Refusal(response.status_code, party=party, method=method)
    return found.passes or found.is_full


def _leads_to(response: httpx.Response) -> str:
    """Return the origin that a redirect leads to which is not followed; empty where none is."""
    location = response.headers.get("Location", "")
    try:
        url = response.request.url.join(location) if response.is_redirect and location else None
    except (httpx.InvalidURL, ValueError):
        return ""
    return f"{url.scheme}://{url.netloc.decode('ascii')}" if url and url.host else ""


def _host(request: httpx.Request) -> str:
    return request.url.netloc.decode("ascii")


def is_bad_certificate(error: BaseException | None) -> bool:
    """Tell whether a failure comes from a certificate that is not valid: no retry helps."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def retry_after(response: httpx.Response, now: datetime | None = None) -> float | None:
    """Return the seconds that a response asks to wait; None where it does not, or not validly."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    moment: datetime
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds: float = (moment - (now or datetime.now(UTC))).total_seconds()
    return seconds if seconds >= 0 else None
