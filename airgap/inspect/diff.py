"""diff: what a newer bundle brings, changes and lacks, beside an older one.

Either may be an OCI layout: then the images that were asked for are compared, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airgap.bundle.format import EXTRAS
from airgap.bundle.reader import Bundle
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.sources.layout import Layout

Side = Bundle | Layout

ROLES = ("node", "registry")
"""What an image is for that was not asked for by the list; such a one is compared by its role."""


@dataclass(frozen=True, slots=True)
class Change:
    """One image of which the two have something else.

    Attributes:
        role: ``node`` or ``registry``, empty for the images that were asked for.
        old: as the older bundle has it; None where it is new.
        new: as the newer bundle has it; None where it is gone.
    """

    role: str
    old: Image | None
    new: Image | None

    def to_json(self) -> dict[str, Any]:
        """Return the change as ``diff --json`` prints it."""
        return {
            "role": self.role or "image",
            "old": self.old.to_json() if self.old else None,
            "new": self.new.to_json() if self.new else None,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """How two bundles or layouts differ; sizes in bytes.

    Attributes:
        changes: the images that are new, gone, or changed, in this order.
        same: how many images are the same in both.
        members: which other members below ``airgap/`` are ``added``, ``removed`` or ``changed``.
        new_size: content that the newer one has and the older one has not.
        gone_size: content that only the older one has.
    """

    old: Side
    new: Side
    changes: tuple[Change, ...]
    same: int
    members: Mapping[str, str]
    new_size: int
    gone_size: int

    def to_json(self) -> dict[str, Any]:
        """Return the difference as ``diff --json`` prints it."""
        return {
            "old": _named(self.old),
            "new": _named(self.new),
            "images": [change.to_json() for change in self.changes],
            "same_image_count": self.same,
            "members": [{"name": name, "change": what} for name, what in self.members.items()],
            "new_size": self.new_size,
            "gone_size": self.gone_size,
        }


def diff(old: Side, new: Side) -> Difference:
    """Compare two open bundles or layouts by what their tables and manifests say."""
    whole = isinstance(old, Bundle) and isinstance(new, Bundle)
    before, after = (_images(side, whole=whole) for side in (old, new))
    pairs = [Change(key[0], before.get(key), image) for key, image in after.items()]
    pairs += [Change(key[0], image, None) for key, image in before.items() if key not in after]
    changes = [pair for pair in pairs if _differs(pair.old, pair.new)]
    changes.sort(key=lambda change: (change.new is None, change.old is not None))
    old_blobs, new_blobs = _sizes(old, before), _sizes(new, after)
    return Difference(
        old,
        new,
        tuple(changes),
        len(pairs) - len(changes),
        _members(old, new) if isinstance(old, Bundle) and isinstance(new, Bundle) else {},
        sum(size for digest, size in new_blobs.items() if digest not in old_blobs),
        sum(size for digest, size in old_blobs.items() if digest not in new_blobs),
    )


def _named(side: Side) -> dict[str, Any]:
    if isinstance(side, Layout):
        return {"layout": str(side.path), "signature_proved": []}
    return {
        "bundle": str(side.path),
        "digest": str(side.digest),
        "name": side.table.name,
        "serial": side.table.serial,
        "signature_proved": [proof.key.name for proof in side.proofs],
    }


def _images(side: Side, *, whole: bool) -> dict[tuple[str, str], Image]:
    """Return images by role and name; with ``whole``, node and registry image by their role."""
    found = {("", str(image.reference)): image for image in side.images}
    if whole and isinstance(side, Bundle):
        for role, image in zip(ROLES, (side.node, side.registry), strict=True):
            if image:
                found[role, ""] = image
    return found


def _differs(old: Image | None, new: Image | None) -> bool:
    return old is None or new is None or _kept(old) != _kept(new)


def _kept(image: Image) -> object:
    """Return what is compared of an image: name, digest, and which manifests are carried."""
    return str(image.reference), image.root.digest, {found.digest for found in image.manifests}


def _sizes(side: Side, images: Mapping[tuple[str, str], Image]) -> dict[Digest, int]:
    return {
        found.digest: found.size
        for image in images.values()
        for found in (*image.manifests, *image.blobs)
        if found.digest in side
    }


def _members(old: Bundle, new: Bundle) -> dict[str, str]:
    before, after = (_extras(bundle) for bundle in (old, new))
    found = {name: "added" for name in after if name not in before}
    found |= {name: "removed" for name in before if name not in after}
    found |= {name: "changed" for name in after if before.get(name, after[name]) != after[name]}
    return dict(sorted(found.items()))


def _extras(bundle: Bundle) -> dict[str, Digest]:
    names = (member.name for member in bundle.members())
    return {name: bundle.digest_of(name) for name in names if name.startswith(EXTRAS)}
