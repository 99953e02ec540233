"""Images as OCI layouts on disk, made for a test."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

from airgap.oci import descriptor as d
from airgap.sources.layout import Layout

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Maker:
    """Makes images in a folder; the same seed gives the same bytes."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder, self._random = folder, random.Random(seed)
        self._blobs = folder / "blobs/sha256"
        self._blobs.mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self._roots: list[dict[str, Any]] = []

    def bytes(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def blob(self, content: bytes, media_type: str = LAYER) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (self._blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def image(
        self, *layers: bytes, name: str = "", architecture: str = "amd64", **more: Any
    ) -> dict[str, Any]:
        """Make an image; ``more`` are further members of its manifest, such as its subject."""
        config = {"os": "linux", "architecture": architecture, "rootfs": {"type": "layers"}}
        value = {
            "schemaVersion": 2,
            "mediaType": d.OCI_MANIFEST,
            "config": self.blob(json.dumps(config).encode(), d.CONFIG_TYPES[0]),
            "layers": [self.blob(layer) for layer in layers],
        }
        return self._root(value | more, name)

    def index(self, name: str, **children: dict[str, Any]) -> dict[str, Any]:
        entries = [
            child | {"platform": {"os": "linux", "architecture": architecture}}
            for architecture, child in children.items()
        ]
        value = {"schemaVersion": 2, "mediaType": d.OCI_INDEX, "manifests": entries}
        return self._root(value, name)

    def tagged(self, name: str, value: dict[str, Any]) -> dict[str, Any]:
        """Give a name to a manifest or index that is made elsewhere."""
        return self._root(value, name)

    def forget(self, descriptor: dict[str, Any]) -> None:
        """Remove a blob, as a platform filter does."""
        (self._blobs / descriptor["digest"][7:]).unlink()

    def layout(self) -> Layout:
        index = {"schemaVersion": 2, "manifests": self._roots}
        (self.folder / "index.json").write_text(json.dumps(index))
        return Layout(self.folder)

    def _root(self, value: dict[str, Any], name: str) -> dict[str, Any]:
        found = self.blob(json.dumps(value).encode(), value["mediaType"])
        if name:
            self._roots.append(found | {"annotations": {"io.containerd.image.name": name}})
        return found
