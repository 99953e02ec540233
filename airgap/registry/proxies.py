"""proxies: which hosts are reached through one, as Go and curl read the environment.

``no_proxy`` is a list with commas or spaces. A name holds for all names below it as well, with or
without a dot or ``*.`` before it; an address holds for itself, a network (``10.0.0.0/8``) for its
addresses; each perhaps with ``:PORT``; ``*`` is everything. This machine is never reached through
a proxy. Where Go and curl differ (``.example.org`` and ``example.org`` itself) curl is followed.
"""

import functools
import ipaddress
from collections.abc import Mapping

from airgap.errors import InputError
from airgap.registry import places
from airgap.registry.wire.proxy import Proxy

_PORTS = {"https": 443, "http": 80}


def proxy_for(
    proxies: Mapping[str, str], host: str, scheme: str, port: int | None = None
) -> Proxy | None:
    """Return the proxy for a host, None where it is reached directly.

    Args:
        proxies: ``http``, ``https``, ``all``, ``no`` as in the environment's X_proxy.
        host: without brackets.
        scheme: of the request.
        port: of the request; the scheme's own where None.

    Raises:
        InputError: the proxy is of a kind that is not spoken, or has no address.
    """
    text = proxies.get(scheme) or proxies.get("all")
    host = host.lower().rstrip(".")
    if not text or places.is_loopback(host) or host.endswith(".localhost"):
        return None
    if _is_excluded(proxies.get("no", ""), host, port or _PORTS.get(scheme, 0)):
        return None
    return _parsed(text, host, scheme)


def _parsed(text: str, host: str, scheme: str) -> Proxy:
    kind, separator, _ = text.strip().partition("://")
    if separator and kind.lower() not in ("http", "https"):
        raise InputError(
            f"{host} would be reached through a {kind} proxy, which airgap does not speak",
            hint=f"set {scheme}_proxy to an http proxy, or put {host} into no_proxy",
        )
    try:
        return Proxy.parse(text)
    except ValueError as error:
        raise InputError(
            f"{host} would be reached through {scheme}_proxy, which is not the address of a proxy",
            hint=f"write http://[USER:PASSWORD@]HOST:PORT into it, or put {host} into no_proxy",
        ) from error


@functools.lru_cache(maxsize=1000)
def _is_excluded(listed: str, host: str, port: int) -> bool:
    address = places.literal(host)
    return any(
        _excludes(entry, host, address, port) for entry in listed.lower().replace(",", " ").split()
    )


def _excludes(entry: str, host: str, address: places.Address | None, port: int) -> bool:
    if entry == "*":
        return True
    name, wanted = _split(entry)
    if wanted is not None and wanted != port:
        return False
    if address is not None:
        try:
            return address in ipaddress.ip_network(name, strict=False)
        except ValueError:
            return False  # a name, which an address is never below
    name = name.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split(entry: str) -> tuple[str, int | None]:
    """Return an entry without its port and brackets, and the port, None where it has none."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        port = rest.removeprefix(":")
    elif entry.count(":") == 1:
        name, _, port = entry.partition(":")
    else:
        return entry, None
    return name, int(port) if port.isascii() and port.isdigit() else None
