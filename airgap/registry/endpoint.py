"""endpoint: where a registry is, and what makes two addresses the same one."""

import functools
from dataclasses import dataclass

import httpx

_PORTS = {"https": 443, "http": 80}


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


@functools.lru_cache
def parsed(base: str) -> httpx.URL:
    """Return a registry's base as a URL."""
    return httpx.URL(base)


def origin(url: httpx.URL) -> tuple[str, str, int]:
    """Return scheme, host and port: what credentials belong to (RFC 6454)."""
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme, 0)


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Tell whether two URLs have the same origin."""
    return origin(one) == origin(other)
