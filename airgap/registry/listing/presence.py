"""presence: whether something is in a registry."""

from collections.abc import Mapping

from airgap.registry.client import Client
from airgap.registry.errors import RefusedError

UNTOLD = (500, 501, 502)
"""What some registries, and some proxies before them, answer to a HEAD that they do not know."""


def is_there(
    client: Client,
    path: str,
    *,
    scope: str,
    headers: Mapping[str, str] | None = None,
    size: int | None = None,
) -> bool:
    """Tell whether there is something at a path, by HEAD; where that finds nothing, by GET.

    What HEAD finds in another ``size`` is not what is looked for.

    Raises:
        InputError: the registry does not tell.
        NetworkError: it failed.
    """
    try:
        with client.request(
            "HEAD", path, scope=scope, headers=headers, expect=(200, 404, *UNTOLD)
        ) as response:
            if response.status_code == 200:
                # Some say 0 to each HEAD, or nothing.
                told = response.headers.get("Content-Length", "")
                return size is None or told in ("", "0", str(size))
    except RefusedError:
        pass
    # A range keeps whoever heeds it from sending much; the body is not read.
    first = {**(headers or {}), "Range": "bytes=0-0"}
    with client.request(
        "GET", path, scope=scope, headers=first, expect=(200, 206, 404, 416)
    ) as response:
        return response.status_code != 404
