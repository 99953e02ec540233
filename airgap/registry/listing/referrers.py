"""referrers: what a registry says is attached to a manifest.

Follows "Listing Referrers" of the OCI distribution specification 1.1. A registry that has no such
page is not asked again: whether it has one is an affair of its host.
"""

from typing import Any
from urllib.parse import urljoin, urlsplit

from airgap.errors import InputError
from airgap.oci.attached import MAX_ATTACHED, entries_in
from airgap.oci.descriptor import OCI_INDEX
from airgap.oci.digest import Digest
from airgap.registry.client import Client
from airgap.registry.errors import RefusedError

_MAX_PAGE = 32 << 20
_MAX_PAGES = 100
_LOGIN = (401, 403, 429)
"""Refusals that say nothing of whether there is such a page."""


class Referrers:
    """Asks registries; thread-safe."""

    def __init__(self) -> None:
        self._without: set[str] = set()

    def of(
        self, client: Client, repository: str, subject: Digest, actions: str = "pull"
    ) -> list[dict[str, Any]] | None:
        """Return the descriptors of what is attached; None where the registry has no such page.

        Raises:
            InputError: there are too many, or a login is needed.
            NetworkError: the registry failed in spite of retries.
        """
        if client.host in self._without:
            return None
        found: list[dict[str, Any]] = []
        path, scope = f"/v2/{repository}/referrers/{subject}", f"repository:{repository}:{actions}"
        for _ in range(_MAX_PAGES):
            page = _page(client, scope, path)
            if page is None:
                self._without.add(client.host)
                return None
            found += page[0]
            if len(found) > MAX_ATTACHED:
                break
            if not page[1]:
                return found
            path = page[1]
        raise InputError(f"{client.host} lists more than {MAX_ATTACHED} referrers of {subject}")


def _page(client: Client, scope: str, path: str) -> tuple[list[dict[str, Any]], str] | None:
    """Return the entries of a page, and the path of the next one, empty after the last."""
    try:
        with client.request(
            "GET", path, scope=scope, headers={"Accept": OCI_INDEX}, expect=(200, 404)
        ) as response:
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if response.status_code == 404 or kind != OCI_INDEX:
                return None
            body = client.read(response, _MAX_PAGE, "its list of referrers")
            link = response.links.get("next", {}).get("url", "")
    except RefusedError as error:
        if error.refusal.status in _LOGIN or error.refusal.party != "registry":
            raise
        return None
    following = urlsplit(urljoin(path, link)) if link else None
    query = f"?{following.query}" if following and following.query else ""
    entries = entries_in(body, f"{client.host}: its list of referrers")
    return entries, f"{following.path}{query}" if following else ""
