"""dry_run: what a push would ask of which repository, were nothing there yet; nobody is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airgap.oci.descriptor import Descriptor, unique
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.progress import count, size
from airgap.transfer.landing import Names, Needs, landings
from airgap.transfer.ports import Store


@dataclass
class Asked:
    """What would be asked of one repository.

    Attributes:
        repository: which, as ``REPOSITORY`` of the registry.
        references: the images that would land there.
        tags: what would be written, tags or the digests of images that have none.
        uploads: blobs that would be sent there.
        mounts: blobs that would be mounted, each with the repository that they come from.
        manifests: manifests that would be stored.
    """

    repository: str
    references: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    uploads: list[Descriptor] = field(default_factory=list)
    mounts: list[tuple[Descriptor, str]] = field(default_factory=list)
    manifests: list[Descriptor] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "repository": self.repository,
            "references": self.references,
            "tags": self.tags,
            "uploads": [_told(blob) for blob in self.uploads],
            "mounts": [{**_told(blob), "from": origin} for blob, origin in self.mounts],
            "manifests": [_told(manifest) for manifest in self.manifests],
        }

    def __str__(self) -> str:
        sent = sum(blob.size for blob in self.uploads)
        names = ", ".join(self.tags)
        return (
            f"{self.repository}: {names}: {count(len(self.uploads), 'blob')} ({size(sent)}) to"
            f" upload, {len(self.mounts)} to mount, {count(len(self.manifests), 'manifest')}"
        )


def dry_run(images: Sequence[Image], store: Store, names: Names | None = None) -> list[Asked]:
    """Return what would be asked, repository by repository, in the order of the images."""
    wanted = landings(images, names)
    found: dict[str, Asked] = {}
    manifests: dict[str, list[Descriptor]] = {}
    for landing in wanted:
        asked = found.setdefault(landing.repository, Asked(landing.repository))
        asked.references.append(str(landing.image.reference))
        asked.tags.append(landing.identifier)
        manifests.setdefault(landing.repository, []).extend(landing.image.manifests)
    for repository, listed in manifests.items():
        found[repository].manifests = list(unique(listed))
    needs, homes = Needs(wanted, store), dict[Digest, str]()
    for blob in needs.blobs:
        for repository in needs.repositories(blob):
            home = homes.setdefault(blob.digest, repository)
            if home == repository:
                found[repository].uploads.append(blob)
            else:
                found[repository].mounts.append((blob, home))
    return list(found.values())


def _told(found: Descriptor) -> dict[str, Any]:
    return {"digest": str(found.digest), "size": found.size}
