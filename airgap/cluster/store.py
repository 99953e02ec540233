"""The registry's content as it lies on its node's disk, whatever the registry says of it.

Follows the file system layout of distribution: below ``repositories`` a tag and what a repository
holds are folders with a file ``link`` each; below ``blobs`` each digest has a folder with ``data``.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from airgap.cluster.docker.node import Node
from airgap.cluster.objects.registry import STORAGE_PATH
from airgap.errors import InputError
from airgap.oci.attached import entries_in

ROOT = f"{STORAGE_PATH}/docker/registry/v2"
_SECONDS, _HASHING_SECONDS = 60, 3600
_MAX_MANIFEST = 4 << 20

_LOOK = r"""cd "$1" 2>/dev/null || exit 0
[ ! -d repositories ] || {
find repositories -type f -path '*/_manifests/tags/*/current/link' -exec grep -H '' {} +
find repositories -type f -name link \( -path '*/_layers/*' -o -path '*/_manifests/revisions/*' \)
}
[ ! -d blobs ] || find blobs -type f -name data -exec stat -c '%n %s' {} +
"""
_HASH = r"""cd "$1" 2>/dev/null || exit 0
while read -r path; do [ ! -f "$path" ] || echo "$path"; done | xargs -r -P 2 -n 64 sha256sum
"""
_READ = rf"""cd "$1" 2>/dev/null || exit 0
while read -r path; do
  [ -f "$path" ] || continue
  printf '%s %s\n' "$path" "$(head -c {_MAX_MANIFEST} "$path" | base64 -w0)"
done
"""
_REMOVE = r"""cd "$1" 2>/dev/null || exit 0
xargs -r rm -rf --
"""


@dataclass(frozen=True, slots=True)
class Content:
    """What is there.

    Attributes:
        tags: ``REPOSITORY:TAG`` to the digest that it means.
        linked: digests that some repository holds, to one that does.
        blobs: digests whose content is there.
        size: of all content, in bytes.
    """

    tags: Mapping[str, str]
    linked: Mapping[str, str]
    blobs: frozenset[str]
    size: int = 0

    @property
    def lost(self) -> frozenset[str]:
        """Digests that a repository holds, and whose content is gone."""
        return frozenset(self.linked.keys() - self.blobs)


def look(node: Node) -> Content:
    """Look at what is there; nothing of it is hashed.

    Raises:
        ClusterError: it took too long.
    """
    lines = node.run("sh", "-c", _LOOK, "-", ROOT).decode("utf-8", "replace")
    tags: dict[str, str] = {}
    linked: dict[str, str] = {}
    blobs, size = set(), 0
    for line in lines.splitlines():
        parts = line.split("/")
        if parts[0] == "blobs":  # blobs/sha256/ab/abcd…/data SIZE
            blobs.add(f"{parts[1]}:{parts[3]}")
            size += int(line.rpartition(" ")[2])
        elif "/_manifests/tags/" in line:  # …/_manifests/tags/TAG/current/link:sha256:abcd…
            repository, tag = "/".join(parts[1:-5]), parts[-3]
            tags[f"{repository}:{tag}"] = line.rpartition("/link:")[2]
        else:  # …/_layers/sha256/abcd…/link
            linked[f"{parts[-3]}:{parts[-2]}"] = line.partition("/")[2].partition("/_")[0]
    return Content(tags, linked, frozenset(blobs), size)


def changed(node: Node, digests: Iterable[str]) -> set[str]:
    """Hash content, and return the digests whose content is there and another."""
    paths = {_data(digest): digest for digest in digests}
    listed = "".join(f"{path}\n" for path in sorted(paths)).encode()
    said = node.run("sh", "-c", _HASH, "-", ROOT, stdin=listed, seconds=_HASHING_SECONDS).decode()
    found = (line.partition("  ") for line in said.splitlines())
    return {paths[path] for hashed, _, path in found if paths[path] != f"sha256:{hashed}"}


def listed(node: Node, digests: Iterable[str]) -> dict[str, set[str]]:
    """Read lists of referrers, and return what each lists; one that is none lists nothing."""
    paths = {_data(digest): digest for digest in digests}
    if not paths:
        return {}
    lines = "".join(f"{path}\n" for path in sorted(paths)).encode()
    said = node.run("sh", "-c", _READ, "-", ROOT, stdin=lines, seconds=_SECONDS)
    found: dict[str, set[str]] = {}
    for line in said.decode("ascii", "replace").splitlines():
        path, _, encoded = line.partition(" ")
        with suppress(InputError, binascii.Error):
            entries = entries_in(base64.b64decode(encoded), path)
            found[paths[path]] = {str(entry["digest"]) for entry in entries}
    return found


def forget(node: Node, names: Iterable[tuple[str, str, str]], digests: Iterable[str]) -> None:
    """Take away what is wrong, so that the registry asks for it again.

    Args:
        node: on which the registry runs.
        names: repositories, tags (may be empty) and root digests that are to be pushed again.
        digests: content that is not what its digest says.
    """
    paths = {f"{_data(digest).removesuffix('/data')}" for digest in digests}
    for repository, tag, digest in names:
        place = f"repositories/{repository}/_manifests"
        paths.add(f"{place}/revisions/{digest.replace(':', '/')}")
        if tag:
            paths.add(f"{place}/tags/{tag}")
    listed = "".join(f"{path}\n" for path in sorted(paths)).encode()
    node.run("sh", "-c", _REMOVE, "-", ROOT, stdin=listed, seconds=_SECONDS)


def _data(digest: str) -> str:
    algorithm, _, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded[:2]}/{encoded}/data"
