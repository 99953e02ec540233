"""redirect: follows where a registry sends its clients, and not everywhere.

Credentials and cookies stay with the origin that they are for. Refused are a step from https down
to http, and an address further inside a network than the registry is. What writes is sent again
within its own origin alone, and only where the method stays (307, 308).
"""

import httpx

from airgap.errors import NetworkError, TrustError
from airgap.registry.endpoint import same_origin
from airgap.registry.message import discard, elsewhere, party
from airgap.registry.places import Places

_MOST = 10
_STATUSES = (301, 302, 303, 307, 308)
_KEEP_METHOD = (307, 308)


class Redirect(httpx.BaseTransport):
    """Follows redirects; raises NetworkError and TrustError besides httpx's errors.

    Args:
        below: sends each request.
        registry: what the registry is called in errors.
        places: tells what lies inside.
    """

    def __init__(self, below: httpx.BaseTransport, registry: str, places: Places) -> None:
        self._below, self._registry, self._places = below, registry, places

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and the ones that it is redirected to."""
        sent = request
        for _ in range(_MOST + 1):
            response = self._send(sent)
            url = self._target(sent, response)
            if url is None:
                return response
            discard(response)
            storage = not (same_origin(url, request.url) or "party" in request.extensions)
            sent = elsewhere(sent, url, party="storage") if storage else self._within(request, url)
        raise NetworkError(
            f"{self._registry} redirects more than {_MOST} times",
            hint="ask the registry's administrator, or use another mirror",
        )

    def _send(self, sent: httpx.Request) -> httpx.Response:
        try:
            response = self._below.handle_request(sent)
        except httpx.HTTPError as error:
            error.request = sent  # whoever tells of it names the host
            raise
        response.request = sent
        return response

    def _target(self, sent: httpx.Request, response: httpx.Response) -> httpx.URL | None:
        """Return where an answer leads, None where it leads nowhere or is not followed."""
        location = response.headers.get("Location")
        if response.status_code not in _STATUSES or not location or party(response) == "proxy":
            return None
        writes = sent.method not in ("GET", "HEAD")
        if writes and response.status_code not in _KEEP_METHOD:
            return None
        stay = writes or bool(sent.extensions.get("stay"))
        url = self._parsed(sent.url, location, response)
        if stay and not same_origin(url, sent.url):
            return None
        return url

    def _parsed(self, begun: httpx.URL, location: str, response: httpx.Response) -> httpx.URL:
        try:
            found = begun.join(location)
            found = found.copy_with(username=None, password=None, fragment=None)
        except (httpx.InvalidURL, ValueError) as error:
            response.close()
            raise NetworkError(
                f"{self._registry} redirects to an invalid URL", hint="ask its administrator"
            ) from error
        why = self._refuses(begun, found)
        if why:
            response.close()
            raise TrustError(
                f"{begun.netloc.decode()} redirects from {begun.scheme} to"
                f" {found.scheme}://{found.netloc.decode()}{why[0]}",
                hint=why[1],
            )
        return found

    def _refuses(self, begun: httpx.URL, url: httpx.URL) -> tuple[str, str] | None:
        """Return why a redirect is not followed, in words and a hint; None where it is."""
        if url.scheme not in ("https", "http") or url.scheme == "http" != begun.scheme:
            return "", "ask the registry's administrator: its storage is not served over https"
        if not self._places.may_lead(begun, url):
            return (
                ", which is inside of this network",
                "ask the registry's administrator: its storage must be where the registry is",
            )
        return None

    def _within(self, request: httpx.Request, url: httpx.URL) -> httpx.Request:
        """Return the first request again, for another path of its own origin."""
        sent = elsewhere(request, url)
        if (authorization := request.headers.get("Authorization")) is not None:
            sent.headers["Authorization"] = authorization
        return sent
