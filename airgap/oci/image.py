"""Image: one reference and all the content that is carried for it.

An index keeps its exact bytes, and so its digest, also where only some of its children are
carried.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airgap.errors import InputError
from airgap.oci.digest import Digest
from airgap.oci.manifest import Descriptor, Index, Manifest, parse
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference

MAX_NESTING = 4

Load = Callable[[Descriptor], bytes]
Choose = Callable[[Index], Sequence[Descriptor]]


@dataclass(frozen=True, slots=True)
class Image:
    """What is carried for one reference.

    Attributes:
        reference: the name under which it was asked for.
        root: what the name points to, a manifest or an index.
        manifests: all carried manifests and indexes, children before parents, root last.
        images: the carried manifests alone, in the order of preference.
        platforms: one for each of ``images`` where it is known.
    """

    reference: Reference
    root: Descriptor
    manifests: tuple[Descriptor, ...]
    images: tuple[Manifest, ...]
    platforms: tuple[Platform, ...] = ()

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


def walk(reference: Reference, root: Descriptor, load: Load, choose: Choose) -> Image:
    """Follow a root descriptor down to the blobs.

    Args:
        reference: names the image, also in errors.
        root: where to begin.
        load: returns the exact, proved bytes of a manifest.
        choose: picks from an index the children to carry, in the order of preference.

    Raises:
        InputError: a manifest is invalid, or nested too deep.
    """
    walker = _Walker(str(reference), load, choose)
    walker.visit(root, 0)
    return Image(
        reference,
        root,
        tuple(unique(walker.manifests)),
        tuple(walker.images),
        tuple(dict.fromkeys(walker.platforms)),
    )


def flattened(image: Image, load: Load) -> Image:
    """Return an image without its index, where the index names platforms that are not carried.

    Some registries take no such index. Its one carried manifest takes its place; the digest is
    another one, so an image that was asked for by digest stays as it is.

    Args:
        image: any; it is returned as it is where there is nothing to leave out, or more than one
            platform is carried.
        load: returns the exact, proved bytes of a manifest.

    Raises:
        InputError: the index is invalid.
    """
    if not image.root.is_index or image.reference.digest or len(image.images) != 1:
        return image
    index = parse(load(image.root), image.root.media_type, str(image.reference))
    carried = {manifest.digest for manifest in image.manifests}
    if not isinstance(index, Index) or all(child.digest in carried for child in index.children):
        return image
    only = next(manifest for manifest in image.manifests if not manifest.is_index)
    return replace(image, root=only, manifests=(only,))


class _Walker:
    def __init__(self, what: str, load: Load, choose: Choose) -> None:
        self.what, self.load, self.choose = what, load, choose
        self.manifests: list[Descriptor] = []
        self.images: list[Manifest] = []
        self.platforms: list[Platform] = []

    def visit(self, descriptor: Descriptor, depth: int) -> None:
        if depth > MAX_NESTING:
            raise InputError(f"{self.what}: its indexes are nested deeper than {MAX_NESTING}")
        parsed = parse(self.load(descriptor), descriptor.media_type, self.what)
        if isinstance(parsed, Index):
            for child in self.choose(parsed):
                self.visit(child, depth + 1)
        else:
            self.images.append(parsed)
            if descriptor.platform:
                self.platforms.append(descriptor.platform)
        self.manifests.append(descriptor)


def chooser(what: str, wanted: Sequence[Platform]) -> Choose:
    """Return a function that picks the children of an index for the wanted platforms.

    No wanted platforms means all children. A child that is an index itself, without a platform,
    is always followed.

    Raises (the function):
        InputError: the index has nothing for one of the wanted platforms.
    """

    def choose(index: Index) -> Sequence[Descriptor]:
        if not wanted:
            return index.children
        chosen: list[Descriptor] = [c for c in index.children if c.is_index and not c.platform]
        for platform in wanted:
            found = [c for c in index.children if c.platform and c.platform.matches(platform)]
            if not found and not chosen:
                raise InputError(
                    f"{what} has no image for {platform} (it has {_offered(index)})",
                    hint="choose with --platform, or leave the image out",
                )
            chosen += found[:1]
        return list(unique(chosen))

    return choose


def _offered(index: Index) -> str:
    names = sorted({str(c.platform) for c in index.children if c.platform})
    return ", ".join(name for name in names if name != "unknown/unknown") or "none that is named"


def unique(descriptors: Iterable[Descriptor]) -> Iterable[Descriptor]:
    """Yield each digest's descriptor once, at its first place."""
    seen: set[Digest] = set()
    for descriptor in descriptors:
        if descriptor.digest not in seen:
            seen.add(descriptor.digest)
            yield descriptor
