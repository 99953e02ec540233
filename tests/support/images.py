"""Images made for a test: `Shapes` makes them in every shape, whoever inherits keeps the bytes."""

import gzip
import json
import random
from abc import ABC, abstractmethod
from functools import lru_cache
from pathlib import Path
from typing import Any

from airgap.oci import descriptor as d
from airgap.oci.digest import Digest
from airgap.sources.layout import Layout
from tests.support.registry import MemoryRegistry

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = d.CONFIG_TYPES[0]
EMPTY = "application/vnd.oci.empty.v1+json"
Json = dict[str, Any]


_of_large = lru_cache(maxsize=2)(Digest.of)
"""Tests put one large blob into registry after registry."""


class Shapes(ABC):
    """Makes blobs, manifests and indexes. Each is returned as its descriptor in JSON."""

    @abstractmethod
    def keep(self, content: bytes, about: d.Descriptor, name: str) -> None:
        """Take what was made; ``name`` is that of an image, or empty."""

    def blob(self, content: bytes, media_type: str = LAYER) -> Json:
        of = _of_large if len(content) > 1 << 20 else Digest.of
        about = d.Descriptor(media_type, of(content), len(content))
        self.keep(content, about, "")
        return about.to_json()

    def put(self, value: Json, name: str = "", media_type: str = "") -> Json:
        """Make a manifest or an index of any value.

        Its type is ``media_type``, else its own, else what its members say.
        """
        likely = d.OCI_INDEX if "manifests" in value else d.OCI_MANIFEST
        content = json.dumps(value).encode()
        kind = media_type or value.get("mediaType") or likely
        about = d.Descriptor(kind, Digest.of(content), len(content))
        self.keep(content, about, name)
        return about.to_json()

    def image(
        self, *layers: bytes, name: str = "", architecture: str = "amd64", **more: Any
    ) -> Json:
        """Make an image of any bytes; ``more`` are further members of its manifest."""
        config = {"os": "linux", "architecture": architecture, "rootfs": {"type": "layers"}}
        described = [self.blob(layer) for layer in layers]
        return self._manifest(config, described, name, more)

    def runnable(self, *tars: bytes, name: str = "", architecture: str = "amd64") -> Json:
        """Make an image of layers that can be unpacked, compressed, with their diff ids."""
        config = {
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(data)) for data in tars]},
            "config": {},
            "history": [{"created_by": "test"} for _ in tars],
        }
        described = [self.blob(gzip.compress(data, 1, mtime=0)) for data in tars]
        return self._manifest(config, described, name, {})

    def artifact(self, config: Json, *layers: Json, name: str = "", **more: Any) -> Json:
        """Make what is no image, such as a chart or a signature."""
        value = {"schemaVersion": 2, "mediaType": d.OCI_MANIFEST}
        return self.put(value | {"config": config, "layers": list(layers)} | more, name)

    def index(self, name: str, *children: Json, **by_architecture: Json) -> Json:
        """Make an index; children without an architecture stay as they are."""
        entries = list(children) + [
            child | {"platform": {"os": "linux", "architecture": architecture}}
            for architecture, child in by_architecture.items()
        ]
        value = {"schemaVersion": 2, "mediaType": d.OCI_INDEX, "manifests": entries}
        return self.put(value, name)

    def _manifest(self, config: Json, layers: list[Json], name: str, more: Json) -> Json:
        value = {"schemaVersion": 2, "mediaType": d.OCI_MANIFEST}
        if "config" not in more:
            value |= {"config": self.blob(json.dumps(config).encode(), CONFIG)}
        return self.put(value | {"layers": layers} | more, name)


class Maker(Shapes):
    """Makes an OCI layout in a folder; the same seed gives the same bytes."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder, self._random = folder, random.Random(seed)
        self._blobs = folder / "blobs/sha256"
        self._blobs.mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self._roots: list[Json] = []

    def bytes(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def keep(self, content: bytes, about: d.Descriptor, name: str) -> None:
        (self._blobs / about.digest.hex).write_bytes(content)
        if name:
            self.name(about.to_json(), name)

    def name(self, made: Json, name: str) -> None:
        """List what is there under a name."""
        called = {"annotations": {"io.containerd.image.name": name}}
        self._roots.append(made | called)

    def forget(self, descriptor: Json) -> None:
        """Remove a blob, as a platform filter does."""
        (self._blobs / descriptor["digest"][7:]).unlink()

    def layout(self) -> Layout:
        index = {"schemaVersion": 2, "manifests": self._roots}
        (self.folder / "index.json").write_text(json.dumps(index))
        return Layout(self.folder)


class Stock(Shapes):
    """Makes what is in one repository of a registry in memory; names are tags."""

    def __init__(self, registry: MemoryRegistry, repository: str) -> None:
        self.registry, self.repository = registry, repository

    def keep(self, content: bytes, about: d.Descriptor, name: str) -> None:
        if about.media_type in d.INDEX_TYPES + d.MANIFEST_TYPES:
            kept = self.registry.content.add_manifest
            kept(self.repository, content, about.media_type, name)
        else:
            self.registry.content.add_blob(self.repository, content)


def described(made: Json) -> d.Descriptor:
    """Return what `Shapes` made as a value, without the platform that an index said."""
    return d.Descriptor(made["mediaType"], Digest.parse(made["digest"]), made["size"])
