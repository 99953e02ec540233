"""places: how far inside a network an address is, so that nobody is led further in than he was.

A registry names other addresses: where its storage is, where its tokens are given. It may do so
for what it can reach itself. One in the open must not make a host ask its own services, or those
of its cloud that trust every caller (169.254.169.254, for one).
"""

import functools
import ipaddress
import socket
from collections.abc import Callable, Iterable
from enum import IntEnum

import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str], Iterable[str]]
"""Returns the addresses of a name; none where it is not for us to look it up."""


class Place(IntEnum):
    """How far inside."""

    PUBLIC = 0
    PRIVATE = 1
    LOOPBACK = 2
    LINK_LOCAL = 3
    """Services of the cloud that this host runs in, reachable from nowhere else."""


def resolve(host: str) -> list[str]:
    """Return the addresses of a name; none where it has none."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]).partition("%")[0] for *_, address in found]


class Places:
    """Tells where hosts are. Thread-safe.

    Args:
        resolve: looks names up.
    """

    def __init__(self, resolve: Resolve = resolve) -> None:
        self._resolve = functools.lru_cache(maxsize=1000)(lambda host: tuple(resolve(host)))

    def may_lead(self, start: httpx.URL, target: httpx.URL) -> bool:
        """Tell whether who is at ``start`` may lead to ``target``."""
        if start.host == target.host:
            return True
        there = self._place(target)
        if there is Place.PUBLIC:
            return True
        here = self._place(start)
        if Place.LINK_LOCAL in (here, there):
            return here is there
        return here >= there

    def _place(self, url: httpx.URL) -> Place:
        """Return where a host is: the innermost of its addresses; public where it is unknown."""
        address = literal(url.host)
        if address:
            return _place(address)
        if url.host == "localhost" or url.host.endswith(".localhost"):
            return Place.LOOPBACK
        found = [a for a in map(literal, self._resolve(url.host)) if a]
        place = max(map(_place, found), default=Place.PUBLIC)
        if place is Place.PRIVATE and url.scheme == "https":
            return Place.PUBLIC  # its certificate proves that the name means this one
        return place


def literal(host: str) -> Address | None:
    """Return the address that a host is, in any way that the system takes; None for a name."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        if not host.rpartition(".")[2].removeprefix("0x").isalnum() or not host[:1].isdigit():
            return None
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine."""
    address = literal(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _place(address: Address) -> Place:
    if address.is_link_local:
        return Place.LINK_LOCAL
    if address.is_loopback or address.is_unspecified:
        return Place.LOOPBACK
    return Place.PUBLIC if address.is_global else Place.PRIVATE
