"""Image: one reference and all the content that is carried for it.

An index keeps its exact bytes, and so its digest, also where only some of its children are
carried.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor, unique
from airgap.oci.digest import Digest
from airgap.oci.manifest import Index, Load, Manifest, Parsed
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference

MAX_NESTING = 4
MAX_MANIFESTS = 1000
"""How many manifests and indexes one image may have."""
MAX_MANIFEST_BYTES = 32 << 20
"""How many bytes these may have together."""

Choose = Callable[[Index], Sequence[Descriptor]]
MAX_INDEXES = 64
"""How many of them may be indexes."""
_TOO_MUCH = "no image is of that size: ask who made it, or choose with --platform"


@dataclass(frozen=True, slots=True)
class Image:
    """What is carried for one reference.

    Attributes:
        reference: the name under which it was asked for.
        root: what the name points to, a manifest or an index.
        manifests: all carried manifests and indexes, children before parents, root last.
        images: the carried manifests alone, in the order of preference.
        platforms: one for each of ``images`` where it is known.
        attached: whether it is what somebody attached to another image; see `airgap.oci.attached`.
    """

    reference: Reference
    root: Descriptor
    manifests: tuple[Descriptor, ...]
    images: tuple[Manifest, ...]
    platforms: tuple[Platform, ...] = ()
    attached: bool = False

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Configs and layers, each once, in the order of the manifests."""
        return tuple(unique(blob for manifest in self.images for blob in manifest.blobs))

    @property
    def size(self) -> int:
        """Bytes of all manifests and blobs together, each counted once."""
        return sum(found.size for found in unique((*self.manifests, *self.blobs)))

    def to_json(self) -> dict[str, Any]:
        """Describe the image: reference, digest, platforms, and size in bytes."""
        return {
            "reference": str(self.reference),
            "digest": str(self.root.digest),
            "platforms": [str(platform) for platform in self.platforms],
            "size": self.size,
        }


def walk(
    reference: Reference,
    root: Descriptor,
    load: Load,
    choose: Choose,
    parsed: Parsed | None = None,
) -> Image:
    """Follow a root descriptor down to the blobs; what is listed twice is visited once.

    Args:
        reference: names the image, also in errors.
        root: where to begin.
        load: returns the exact, proved bytes of a manifest.
        choose: picks from an index the children to carry, in the order of preference.
        parsed: what other walks have read, to share; None for a walk alone.

    Raises:
        InputError: a manifest is invalid, nested too deep, or there are too many.
    """
    walker = _Walker(str(reference), load, choose, parsed or Parsed())
    walker.visit(root, 0)
    return Image(
        reference,
        root,
        tuple(walker.manifests),
        tuple(walker.images),
        tuple(walker.platforms),
    )


class _Walker:
    def __init__(self, what: str, load: Load, choose: Choose, parsed: Parsed) -> None:
        self.what, self.load, self.choose, self.parsed = what, load, choose, parsed
        self.manifests: list[Descriptor] = []
        self.images: list[Manifest] = []
        self.platforms: dict[Platform, None] = {}
        self._seen: set[Digest] = set()
        self._bytes = self._indexes = 0

    def visit(self, descriptor: Descriptor, depth: int) -> None:
        """Visit a manifest, its children before itself; each digest once."""
        if descriptor.platform and not descriptor.is_index:
            self.platforms.setdefault(descriptor.platform)
        if descriptor.digest in self._seen:
            return
        self._count(descriptor, depth)
        parsed = self.parsed.of(descriptor, self.load, self.what)
        if isinstance(parsed, Index):
            self._count_index()
            for child in self.choose(parsed):
                self.visit(child, depth + 1)
        else:
            self.images.append(parsed)
        self.manifests.append(descriptor)

    def _count_index(self) -> None:
        """Bound how often children can be listed again by other indexes."""
        self._indexes += 1
        if self._indexes > MAX_INDEXES:
            raise InputError(f"{self.what}: it has more than {MAX_INDEXES} indexes", hint=_TOO_MUCH)

    def _count(self, descriptor: Descriptor, depth: int) -> None:
        """Bound what foreign indexes can ask for, before it is loaded."""
        self._seen.add(descriptor.digest)
        self._bytes += descriptor.size
        if depth > MAX_NESTING:
            raise InputError(f"{self.what}: its indexes are nested deeper than {MAX_NESTING}")
        if len(self._seen) > MAX_MANIFESTS or self._bytes > MAX_MANIFEST_BYTES:
            raise InputError(
                f"{self.what}: it has more than {MAX_MANIFESTS} manifests, or more than"
                f" {MAX_MANIFEST_BYTES >> 20} MiB of them",
                hint=_TOO_MUCH,
            )
