"""DockerArchive: what docker save and its like wrote, as a Store.

Follows docker's image specification 1.2, "Combined Image JSON + Filesystem Changeset Format": a
manifest.json names configs and layers. Such an archive has no manifest of the registry's kind, so
one is made: the same archive gives the same bytes, and so the same digest, each time.

A layer that is a plain tar is called by the digest that the config has for it, which whoever reads
it proves. The digest of a compressed one is computed.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import CONFIG_TYPES, OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest, shown
from airgap.oci.manifest import describe
from airgap.oci.proof import proved
from airgap.sources.files import Files
from airgap.sources.named import Named, complete

_MAX_LIST = 16 << 20
_MAX_CONFIG = 4 << 20
_MAX_CONFIGS = 512 << 20
"""Bytes of all configs together, each counted for each image that is made of it."""
_MAX_LAYERS = 1000
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_COMPRESSED = {b"\x1f\x8b": f"{_LAYER}+gzip", b"\x28\xb5\x2f\xfd": f"{_LAYER}+zstd"}
_HINT = "make it anew: docker save, podman save, or a build's docker output"


class DockerArchive:
    """An opened archive; implements Store.

    Attributes:
        path: the archive.
        named: its images.

    Raises:
        InputError: manifest.json or a config is invalid, or something is missing.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self.path, self._files = path, files
        self._bodies: dict[Digest, bytes] = {}
        self._names: dict[Digest, str] = {}
        self._layers: dict[tuple[str, str], Descriptor] = {}
        self._hashes: dict[str, Digest] = {}
        self._roots: dict[tuple[str, ...], Descriptor] = {}
        self._left = _MAX_CONFIGS
        self.named: Sequence[Named] = tuple(self._images())

    def __contains__(self, digest: object) -> bool:
        """Tell whether the archive has the content of a digest."""
        return digest in self._names or digest in self._bodies

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return the bytes of a manifest that was made.

        Raises:
            InputError: there is none of that digest.
        """
        if digest not in self._bodies:
            raise InputError(f"{self.path} has no manifest {digest}")
        return self._bodies[digest]

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob from ``start`` on; see `airgap.transfer.ports.Store.chunks`."""
        name = self._names.get(blob.digest)
        if name is None:
            raise InputError(f"{self.path} has no {blob.digest}")
        pieces = self._files.chunks(name, start, blob.size - start)
        wrong = InputError(f"{self.path}: {shown(name)} is not {blob.digest}", hint=_HINT)
        return pieces if start else proved(pieces, blob.size, blob.digest, lambda: wrong)

    def file_of(self, digest: Digest) -> str | None:
        """Return the name of the file that has a blob; None where there is none."""
        return self._names.get(digest)

    def _images(self) -> Iterator[Named]:
        what = f"{self.path}: manifest.json"
        entries = strictjson.loads(self._files.read("manifest.json", _MAX_LIST), what)
        if not isinstance(entries, list):
            raise InputError(f"{what} is no list", hint=_HINT)
        for entry in entries:
            if not isinstance(entry, dict):
                raise InputError(f"{what}: an image is no JSON object", hint=_HINT)
            root = self._root(entry, what)
            for tag in _texts(entry, "RepoTags", what) or [""]:
                yield Named(tag, complete(tag, self.path, root.digest), root)

    def _root(self, entry: Mapping[str, Any], what: str) -> Descriptor:
        """Describe an image; one that many entries name is made once."""
        config_name, layers = entry.get("Config"), _texts(entry, "Layers", what)
        if not isinstance(config_name, str):
            raise InputError(f"{what}: an image has no config", hint=_HINT)
        if len(layers) > _MAX_LAYERS:
            raise InputError(f"{what}: an image has more than {_MAX_LAYERS} layers")
        key = (config_name, *layers)
        if key not in self._roots:
            self._roots[key] = self._made(config_name, layers)
        return self._roots[key]

    def _made(self, config_name: str, layers: Sequence[str]) -> Descriptor:
        """Make the manifest of an image, and describe it."""
        config = self._files.read(config_name, _MAX_CONFIG)
        self._left -= len(config) + sum(map(len, layers))
        if self._left < 0:
            raise InputError(
                f"{self.path}: its configs have more than {_MAX_CONFIGS >> 20} MiB", hint=_HINT
            )
        ids = self._diff_ids(config, config_name)
        if len(ids) != len(layers):
            raise InputError(
                f"{self.path}: {shown(config_name)} names {len(ids)} layers, and there are"
                f" {len(layers)}",
                hint=_HINT,
            )
        described = Descriptor(CONFIG_TYPES[0], Digest.of(config), len(config))
        self._names[described.digest] = config_name
        found = [self._layer(name, digest) for name, digest in zip(layers, ids, strict=True)]
        body = strictjson.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": described.to_json(),
                "layers": [layer.to_json() for layer in found],
            }
        )
        root = describe(body, OCI_MANIFEST, str(self.path))
        self._bodies[root.digest] = body
        return root

    def _diff_ids(self, config: bytes, name: str) -> list[Digest]:
        what = f"{self.path}: {shown(name)}"
        rootfs = strictjson.load_object(config, what).get("rootfs")
        found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
        if not isinstance(found, list):
            found = []
        try:
            return [Digest.parse(item) for item in found]
        except InputError as error:
            raise InputError(f"{what}: {error.message}", hint=_HINT) from error

    def _layer(self, name: str, diff_id: Digest) -> Descriptor:
        """Describe a layer; one that several images share is looked at once."""
        key = (name, str(diff_id))
        if key not in self._layers:
            size = self._files.size(name)
            head = b"".join(map(bytes, self._files.chunks(name, 0, 4)))
            kind = next((k for magic, k in _COMPRESSED.items() if head.startswith(magic)), "")
            if kind and name not in self._hashes:
                self._hashes[name] = self._hash(name, size)
            digest = self._hashes[name] if kind else diff_id
            self._layers[key] = Descriptor(kind or _LAYER, digest, size)
            self._names.setdefault(digest, name)
        return self._layers[key]

    def _hash(self, name: str, size: int) -> Digest:
        running = hashlib.sha256()
        for chunk in self._files.chunks(name, 0, size):
            running.update(chunk)
        return Digest("sha256", running.hexdigest())


def _texts(entry: Mapping[str, Any], key: str, what: str) -> list[str]:
    found = entry.get(key) or []
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise InputError(f"{what}: {key} is no list of texts", hint=_HINT)
    return found
