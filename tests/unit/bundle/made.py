"""Images and bundles made from seeds, for the tests of the bundle."""

import gzip
import io
import json
import random
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from airgap.bundle.plan import Contents, Plan, plan
from airgap.bundle.writer import Writer
from airgap.oci.choice import Choice
from airgap.oci.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image, walk
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass
class Content:
    """All content by digest, and the images that it makes."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    bodies: dict[Digest, bytes] = field(default_factory=dict)
    images: list[Image] = field(default_factory=list)

    def blob(self, data: bytes, media_type: str) -> Descriptor:
        digest = Digest.of(data)
        self.blobs[digest] = data
        return Descriptor(media_type, digest, len(data))

    def body(self, value: dict, media_type: str, platform: Platform | None = None) -> Descriptor:
        data = json.dumps({"schemaVersion": 2, "mediaType": media_type} | value).encode()
        digest = Digest.of(data)
        self.bodies[digest] = data
        return Descriptor(media_type, digest, len(data), platform)

    def manifest(self, layers: list[bytes], platform: str = "linux/amd64") -> Descriptor:
        found = Platform.parse(platform)
        stored = [gzip.compress(layer, 1, mtime=0) for layer in layers]
        config = {
            "architecture": found.architecture,
            "os": found.os,
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(layer)) for layer in layers]},
            "config": {},
            "history": [{"created_by": "test"} for _ in layers],
        }
        return self.body(
            {
                "config": self.blob(json.dumps(config).encode(), CONFIG).to_json(),
                "layers": [self.blob(data, LAYER).to_json() for data in stored],
            },
            OCI_MANIFEST,
            found,
        )

    def add(self, reference: str, root: Descriptor, *platforms: str) -> Image:
        wanted = [Platform.parse(text) for text in platforms]
        plain = Descriptor(root.media_type, root.digest, root.size)
        image = walk(
            Reference.parse(reference),
            plain,
            lambda d: self.bodies[d.digest],
            Choice(reference, wanted),
        )
        self.images.append(image)
        return image

    def simple(self, reference: str, seed: int, *sizes: int) -> Image:
        """Add an image with a layer of about each size."""
        return self.add(reference, self.manifest([layer(seed + i, n) for i, n in enumerate(sizes)]))

    def index(self, reference: str, seed: int, *platforms: str) -> Image:
        """Add an index for amd64 and arm64 of which ``platforms`` are carried."""
        children = [
            self.manifest([layer(seed + i, 3000)], name)
            for i, name in enumerate(("linux/amd64", "linux/arm64"))
        ]
        root = self.body({"manifests": [child.to_json() for child in children]}, OCI_INDEX)
        return self.add(reference, root, *platforms)

    def contents(self, **others) -> Contents:
        """Return contents for `plan` with the manifests as the only bodies."""
        return Contents(**{"name": "test", "images": self.images, "bodies": self.bodies} | others)


def layer(seed: int, size: int) -> bytes:
    """Return a tar with one file of ``size`` bytes that do not compress."""
    data = random.Random(seed).randbytes(size)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(f"file-{seed}")
        info.size = size
        archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


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
    content.index("ghcr.io/org/multi:v2", 7, "linux/amd64")
    return content
