"""The images that are measured: made with a fixed seed, as the storage folder of a registry.

Six bases that many images share, layers of their own for each image, and content that does not
compress, as in real images. Layers are true gzipped tars, so that every peer can read them.
"""

import gzip
import hashlib
import io
import json
import random
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

_SEED = 20240229
_BASES = (3, 4, 4, 4, 4, 4)  # the layers of each base
_OWN = (4, 5)  # the layers that an image adds to its base, in turn
_TYPES = "application/vnd.oci.image"
_OVERHEAD = 10_240 + 60  # what tar and gzip add to a layer, about
_SMALLEST, _LARGEST = 9, 17  # sizes are spread evenly over the powers of two between these


@dataclass(frozen=True, slots=True)
class Shape:
    """How much data: so many images, of so many bytes altogether."""

    images: int
    size: int
    bases: tuple[int, ...] = _BASES
    own: tuple[int, ...] = _OWN

    @property
    def name(self) -> str:
        """The name of its folder in the cache."""
        return f"data-{self.images}-{self.size}-{_SEED}"

    @property
    def own_layers(self) -> int:
        """How many layers belong to one image only."""
        return sum(self.own[i % len(self.own)] for i in range(self.images))


STANDARD = Shape(40, 739_000_000)
QUICK = Shape(12, 96_000_000, (3, 3), (2, 3))
SHAPED = Shape(40, 2_000_000_000)
LARGE = Shape(40, 4_000_000_000)
MEMORY = (Shape(40, 1_000_000_000), Shape(40, 8_000_000_000))


def many(images: int) -> Shape:
    """Return the shape of many tiny images, where requests are what counts."""
    return Shape(images, images * 12_000 + 4_000_000, (2, 2), (1,))


@dataclass(slots=True)
class Images:
    """Images in the storage folder of a registry.

    Attributes:
        root: the folder.
        digests: repository → digest of its only manifest, tagged ``1``.
        blobs: digest → (size, one repository that has it); manifests are not among them.
    """

    root: Path
    digests: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The bytes of all blobs, each counted once."""
        return sum(size for size, _ in self.blobs.values())

    def keep(self) -> None:
        """Write it down beside the data."""
        stored = {"digests": self.digests, "blobs": self.blobs}
        (self.root / "images.json").write_text(json.dumps(stored))

    @classmethod
    def load(cls, root: Path) -> "Images":
        """Read back what was kept."""
        stored = json.loads((root / "images.json").read_text())
        blobs = {digest: (size, name) for digest, (size, name) in stored["blobs"].items()}
        return cls(root, stored["digests"], blobs)


def make(shape: Shape, cache: Path) -> Images:
    """Return the images of ``shape``, made unless the cache has them."""
    root = cache / shape.name
    if not (root / "images.json").exists():
        shutil.rmtree(root, ignore_errors=True)
        _Maker(shape, root).run().keep()
    return Images.load(root)


def one_layer(size: int, cache: Path) -> Images:
    """Return one image whose only layer has about so many bytes, made unless the cache has it."""
    root = cache / f"data-layer-{size}-{_SEED}"
    if not (root / "images.json").exists():
        shutil.rmtree(root, ignore_errors=True)
        maker = _Maker(Shape(1, size), root)
        maker.add("bench/app1", [maker.long_layer(size)])
        maker.images.keep()
    return Images.load(root)


class _Noise(io.RawIOBase):
    """So many bytes that do not compress."""

    def __init__(self, chance: random.Random, size: int) -> None:
        self._random, self._left = chance, size

    def read(self, size: int = -1) -> bytes:
        """Return the next ones."""
        count = min(self._left, size)
        self._left -= count
        return self._random.randbytes(count)


class _Hashed(io.RawIOBase):
    """A file to write to, and the hash of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.hash, self.size = file, hashlib.sha256(), 0

    def write(self, data: Any) -> int:
        """Write."""
        self.hash.update(data)
        self.size += len(data)
        return self._file.write(data)


class _Maker:
    def __init__(self, shape: Shape, root: Path) -> None:
        self._shape = shape
        self.images = Images(root)
        self._random = random.Random(_SEED)  # noqa: S311  (repeatable, not secret)
        self._v2 = root / "docker/registry/v2"

    def run(self) -> Images:
        sizes = self._sizes()
        bases = [[self._layer(next(sizes)) for _ in range(n)] for n in self._shape.bases]
        for index in range(self._shape.images):
            count = self._shape.own[index % len(self._shape.own)]
            own = [self._layer(next(sizes)) for _ in range(count)]
            self.add(f"bench/app{index + 1}", [*bases[index % len(bases)], *own])
        return self.images

    def _sizes(self) -> Iterator[int]:
        count = sum(self._shape.bases) + self._shape.own_layers
        weights = [2 ** self._random.uniform(_SMALLEST, _LARGEST) for _ in range(count)]
        left = self._shape.size - count * _OVERHEAD
        return iter([max(64, int(left * weight / sum(weights))) for weight in weights])

    def _layer(self, size: int) -> tuple[dict[str, Any], str]:
        content = self._random.randbytes(size)
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as tar:
            member = tarfile.TarInfo(f"data/{hashlib.sha256(content).hexdigest()[:16]}")
            member.size = size
            tar.addfile(member, io.BytesIO(content))
        packed = gzip.compress(plain.getbuffer(), compresslevel=0, mtime=0)
        blob = self._blob(packed, f"{_TYPES}.layer.v1.tar+gzip")
        return blob, f"sha256:{hashlib.sha256(plain.getbuffer()).hexdigest()}"

    def long_layer(self, size: int) -> tuple[dict[str, Any], str]:
        """Make a layer that does not fit into memory."""
        draft = self._v2 / "draft"
        draft.parent.mkdir(parents=True)
        member = tarfile.TarInfo("data/weights")
        member.size = size
        with draft.open("wb") as file:
            packed = _Hashed(file)
            with gzip.GzipFile("", "wb", 0, cast("BinaryIO", packed), 0) as zipped:
                plain = _Hashed(cast("BinaryIO", zipped))
                with tarfile.open(fileobj=cast("BinaryIO", plain), mode="w|") as tar:
                    tar.addfile(member, cast("BinaryIO", _Noise(self._random, size)))
        digest = packed.hash.hexdigest()
        path = self._path(digest)
        path.parent.mkdir(parents=True)
        draft.rename(path)
        kind = f"{_TYPES}.layer.v1.tar+gzip"
        blob = {"mediaType": kind, "digest": f"sha256:{digest}", "size": packed.size}
        return blob, f"sha256:{plain.hash.hexdigest()}"

    def _path(self, digest: str) -> Path:
        return self._v2 / f"blobs/sha256/{digest[:2]}/{digest}/data"

    def add(self, name: str, layers: list[tuple[dict[str, Any], str]]) -> None:
        """Make an image of layers, under the tag 1."""
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"name": name}},
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
        }
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": f"{_TYPES}.manifest.v1+json",
            "config": self._blob(json.dumps(config).encode(), f"{_TYPES}.config.v1+json"),
            "layers": [blob for blob, _ in layers],
        }
        root = self._blob(json.dumps(manifest).encode(), f"{_TYPES}.manifest.v1+json")
        self._link(name, manifest, root["digest"])
        self.images.digests[name] = root["digest"]
        for blob in (manifest["config"], *manifest["layers"]):
            self.images.blobs.setdefault(blob["digest"], (blob["size"], name))

    def _blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def _link(self, name: str, manifest: dict[str, Any], root: str) -> None:
        repository = self._v2 / "repositories" / name
        tag = repository / "_manifests/tags/1"
        links = [
            repository / "_manifests/revisions" / root.replace(":", "/"),
            tag / "index" / root.replace(":", "/"),
            tag / "current",
        ]
        for folder in links:
            _write_link(folder, root)
        for blob in (manifest["config"], *manifest["layers"]):
            folder = repository / "_layers" / blob["digest"].replace(":", "/")
            _write_link(folder, blob["digest"])


def _write_link(folder: Path, digest: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "link").write_text(digest)
