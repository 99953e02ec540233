"""fitting: which images can travel in one file, and why the others cannot.

A bundle has each content once, named by sha256, and each tag once. An image that does not go
with the others is that image's own affair.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from airgap.errors import AirgapError, InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import Reference
from airgap.transfer.ports import Source
from airgap.transfer.workers import OWN


@dataclass(frozen=True, slots=True)
class Fitting:
    """The images that go together, and why the others do not go with them."""

    images: Mapping[Reference, Image]
    failed: Mapping[Reference, AirgapError]


def fit(images: Iterable[Image], bodies: Mapping[Digest, bytes], source: Source) -> Fitting:
    """Find the images that go together.

    Args:
        images: in the order of the bundle; of two that want one tag the first has it.
        bodies: content that was read, and proved.
        source: asked which image is right where two say different sizes of one blob.
    """
    images = list(images)
    right = _right_sizes(images, bodies, source)
    landed: dict[tuple[str, str], Image] = {}
    fits: dict[Reference, Image] = {}
    failed: dict[Reference, AirgapError] = {}
    for image in images:
        try:
            _check_algorithm(image)
            _check_sizes(image, right)
            _check_tag(image, landed)
        except InputError as error:
            failed[image.reference] = error
        else:
            fits[image.reference] = image
    return Fitting(fits, failed)


def _described(image: Image) -> Iterator[Descriptor]:
    """Yield all that is said of content; one digest may be described in several ways."""
    yield from image.manifests
    for manifest in image.images:
        yield from manifest.blobs


def _check_algorithm(image: Image) -> None:
    for found in _described(image):
        if found.digest.algorithm != "sha256":
            raise InputError(
                f"{image.reference.familiar}: content named by {found.digest.algorithm}"
                " cannot be in a bundle of format 1",
                hint="build the image with sha256 digests, or leave it out",
            )


def _check_sizes(image: Image, right: Mapping[Digest, int]) -> None:
    for found in _described(image):
        if found.size != right.get(found.digest, found.size):
            raise InputError(
                f"{image.reference.familiar}: it says that {found.digest} has {found.size} bytes,"
                f" and it has {right[found.digest]}",
                hint="build and push the image again, or leave it out",
            )


def _check_tag(image: Image, landed: dict[tuple[str, str], Image]) -> None:
    """Refuse two contents for one tag: only one of them could land under it."""
    reference = image.reference
    if not reference.tag:
        return
    other = landed.setdefault((reference.name, reference.tag), image)
    if other.root.digest != image.root.digest:
        raise InputError(
            f"{other.reference.familiar} and {reference.familiar} are different images"
            " with one name and tag",
            hint="keep one of them, or drop the tag of the one with a digest",
        )


def _right_sizes(
    images: Iterable[Image], bodies: Mapping[Digest, bytes], source: Source
) -> dict[Digest, int]:
    """Return the size of each content of which different sizes are said."""
    said: dict[Digest, dict[int, tuple[Image, Descriptor]]] = {}
    for image in images:
        for found in _described(image):
            said.setdefault(found.digest, {}).setdefault(found.size, (image, found))
    return {
        digest: _right_size(digest, claims, bodies, source)
        for digest, claims in said.items()
        if len(claims) > 1
    }


def _right_size(
    digest: Digest,
    claims: Mapping[int, tuple[Image, Descriptor]],
    bodies: Mapping[Digest, bytes],
    source: Source,
) -> int:
    """Tell which size is right: by its bytes, which are fetched for that where need be."""
    if digest in bodies:
        return len(bodies[digest])
    for size, (image, found) in sorted(claims.items(), key=lambda claim: claim[0]):
        content = _Hashed(digest.algorithm)
        try:
            source.fetch(image.reference, found, content.take)
        except OWN:
            continue
        if content.hash.hexdigest() == digest.hex and content.count == size:
            return size
    return next(iter(claims))


class _Hashed:
    """Counts and hashes bytes, and keeps none."""

    def __init__(self, algorithm: str) -> None:
        self.hash, self.count = hashlib.new(algorithm), 0

    def take(self, chunk: memoryview) -> None:
        self.hash.update(chunk)
        self.count += len(chunk)
