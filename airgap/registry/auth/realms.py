"""realms: which token servers a registry may send its users to.

The realm comes from the registry, so it decides where a password would go. A password goes to the
registry's own host, to a parent of it in the DNS (whoever has ``example.org`` decides what
``registry.example.org`` is, so nothing is told that could not be taken), to the known token
servers of some large registries, and to what ``--trust-realm`` names. Who has no password may ask
anywhere that is not further inside a network than the registry.
"""

from dataclasses import dataclass

import httpx

from airgap.errors import TrustError
from airgap.oci.digest import shown
from airgap.registry.endpoint import origin, same_origin
from airgap.registry.places import Places, literal

_OWN = {
    "registry-1.docker.io": "auth.docker.io",
    "index.docker.io": "auth.docker.io",
    "registry.hub.docker.com": "auth.docker.io",
    "docker.elastic.co": "docker-auth.elastic.co",
}
"""Token servers that are neither the registry's host nor a parent of it, and known as its own."""
_USUAL_PORTS = {("https", 443), ("http", 80)}


@dataclass(frozen=True, slots=True)
class Realms:
    """Judges realms.

    Attributes:
        registry: what the registry is called in errors.
        trusted: hosts, perhaps with a port, that may get credentials.
        places: tells what lies inside.
    """

    registry: str
    trusted: frozenset[str]
    places: Places

    def check(self, realm: str, base: httpx.URL, *, secret: bool) -> httpx.URL:
        """Return where a token is to be asked for.

        Args:
            realm: what the registry says.
            base: the registry's URL.
            secret: whether credentials would go there.

        Raises:
            TrustError: nothing must go there, or no credentials.
        """
        url = _parsed(realm)
        if url is None or not self._is_reachable(url, base):
            raise self._refused(realm, "which is no place to send anybody to", "HOST")
        if secret and not self._is_own(url, base):
            raise self._refused(realm, "which is not its own", url.netloc.decode("ascii"))
        return url

    def is_at_home(self, realm: str, base: httpx.URL) -> bool:
        """Tell whether a token is asked for at the registry's own origin."""
        url = _parsed(realm)
        return url is not None and same_origin(url, base)

    def _is_reachable(self, url: httpx.URL, base: httpx.URL) -> bool:
        if url.scheme not in ("https", "http") or url.userinfo:
            return False
        if url.scheme == "http" and base.scheme != "http":
            return False
        return self._is_trusted(url) or self.places.may_lead(base, url)

    def _is_own(self, url: httpx.URL, base: httpx.URL) -> bool:
        if same_origin(url, base) or self._is_trusted(url):
            return True
        if origin(url)[::2] not in _USUAL_PORTS:
            return False  # another program of the same host is another's
        if url.host == base.host or _OWN.get(base.host) == url.host:
            return True
        return literal(base.host) is None and base.host.endswith(f".{url.host}")

    def _is_trusted(self, url: httpx.URL) -> bool:
        host = f"[{url.host}]" if ":" in url.host else url.host
        return bool({url.host, host, f"{host}:{origin(url)[2]}"} & self.trusted)

    def _refused(self, realm: str, why: str, host: str) -> TrustError:
        return TrustError(
            f"{self.registry} sends its users to the token server {shown(realm)}, {why}",
            hint=f"if you trust it with your credentials: --trust-realm {host}",
        )


def _parsed(realm: str) -> httpx.URL | None:
    try:
        url = httpx.URL(realm)
        url.raw_path, url.netloc  # noqa: B018  (they fail where it is odd)
    except (httpx.InvalidURL, ValueError, UnicodeError):
        return None
    return url if url.host else None
