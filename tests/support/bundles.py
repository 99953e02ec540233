"""Bundles, and images made from seeds to put into them."""

import random
from functools import cache
from pathlib import Path

from airgap.bundle.plan import Contents, Plan, plan
from airgap.bundle.writer import Writer
from airgap.oci import descriptor as d
from airgap.oci.choice import Choice
from airgap.oci.digest import Digest
from airgap.oci.image import Image, walk
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from tests.support import archives
from tests.support.images import Json, Shapes, described


class Content(Shapes):
    """All content by digest, and the images that it makes."""

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}
        self.bodies: dict[Digest, bytes] = {}
        self.images: list[Image] = []

    def keep(self, content: bytes, about: d.Descriptor, name: str) -> None:
        is_body = about.media_type in d.INDEX_TYPES + d.MANIFEST_TYPES
        (self.bodies if is_body else self.blobs)[about.digest] = content

    def add(self, reference: str, root: Json, *platforms: str) -> Image:
        """Add an image of which ``platforms`` are carried."""
        choice = Choice(reference, [Platform.parse(text) for text in platforms])
        load = lambda found: self.bodies[found.digest]  # noqa: E731
        image = walk(Reference.parse(reference), described(root), load, choice)
        self.images.append(image)
        return image

    def simple(self, reference: str, seed: int, *sizes: int) -> Image:
        """Add an image with a layer of about each size."""
        layers = (layer(seed + i, size) for i, size in enumerate(sizes))
        return self.add(reference, self.runnable(*layers))

    def both(self, reference: str, seed: int, *platforms: str) -> Image:
        """Add an index for amd64 and arm64 of which ``platforms`` are carried."""
        children = {
            name: self.runnable(layer(seed + i, 3000), architecture=name)
            for i, name in enumerate(("amd64", "arm64"))
        }
        return self.add(reference, self.index("", **children), *platforms)

    def contents(self, **others) -> Contents:
        """Return contents for `plan` with the manifests as the only bodies."""
        return Contents(**{"name": "test", "images": self.images, "bodies": self.bodies} | others)


@cache
def layer(seed: int, size: int) -> bytes:
    """Return a tar with one file of ``size`` bytes that do not compress."""
    return archives.tar({f"file-{seed}": random.Random(seed).randbytes(size)})


def fill(writer: Writer, content: Content) -> int:
    """Give the writer all that it misses; return the number of bytes."""
    count = 0
    for blob in writer.missing():
        sink = writer.sink(blob)
        data = memoryview(content.blobs[blob.digest])[sink.offset :]
        for start in range(0, len(data), 1000):
            sink.write(data[start : start + 1000])
        sink.finish()
        count += len(data)
    return count


def write(content: Content, path: Path, **others) -> Plan:
    """Write a whole bundle."""
    planned = plan(content.contents(**others))
    with Writer(planned, path) as writer:
        fill(writer, content)
        assert writer.commit() == planned.digest
    return planned


def sample() -> Content:
    """Return two plain images that share a layer, and an index of which one half is carried."""
    content = Content()
    content.simple("nginx:1.27", 1, 5000, 700)
    content.simple("quay.io/org/app:v1", 1, 5000, 20)
    content.both("ghcr.io/org/multi:v2", 7, "linux/amd64")
    return content
