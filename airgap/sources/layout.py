"""Layout: an OCI image layout as a Store, in a folder or in an archive.

Follows the OCI image specification 1.1, "Image Layout". Blobs are read under names made from
validated digests alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image, walk
from airgap.oci.manifest import MAX_MANIFEST, Index, Parsed
from airgap.oci.platform import Platform
from airgap.oci.proof import proved
from airgap.sources.belonging import sort
from airgap.sources.files import Files, Folder
from airgap.sources.named import Named, complete
from airgap.transfer.ports import Place

_REF_NAME = "org.opencontainers.image.ref.name"
_CONTAINERD_NAME = "io.containerd.image.name"
_MAX_INDEX = 16 << 20
_MAX_VISITS = 1_000_000
"""How many manifests all different roots together may lead to, each counted for each root."""


class Layout:
    """An opened layout; implements Store.

    Args:
        path: the folder, or the archive that ``files`` are in.
        files: where they are not those of the folder.

    Attributes:
        path: the folder or archive.
        named: what index.json names.
    """

    def __init__(self, path: Path, files: Files | None = None) -> None:
        self.path = path
        self._files = files or Folder(path)
        self._check_version()
        found = sort(tuple(self._roots()), self._manifest)
        self.named, self._referrers = found.named, found.referrers

    @cached_property
    def images(self) -> Sequence[Image]:
        """The images, each with the children that are there.

        Raises:
            InputError: a manifest is missing or invalid, or the roots lead to very many.
        """
        parsed, left = Parsed(), _MAX_VISITS
        found: dict[tuple[Descriptor, Platform | None], Image] = {}
        for one in self.named:
            if (key := (one.root, one.root.platform)) in found:
                continue
            image = walk(one.reference, one.root, self._manifest, self._present, parsed)
            found[key], left = image, left - len(image.manifests)
            if left < 0:
                raise InputError(
                    f"{self.path}: its images lead to more than {_MAX_VISITS} manifests",
                    hint="no layout is of that size: ask who made it",
                )
        return [
            replace(found[one.root, one.root.platform], reference=one.reference, root=one.root)
            for one in self.named
        ]

    def referrers(self, subject: Digest) -> Sequence[Descriptor]:
        """Return what index.json lists without a name, and refers to a manifest."""
        return self._referrers.get(subject, ())

    def __contains__(self, digest: object) -> bool:
        """Tell whether the layout has the content of a digest."""
        return isinstance(digest, Digest) and blob_name(digest) in self._files

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return a manifest's exact bytes, proved.

        Raises:
            InputError: it is missing, too large, or its bytes are not those of the digest.
        """
        body = self._files.read(blob_name(digest), MAX_MANIFEST)
        if Digest.of(body, digest.algorithm) != digest:
            raise self._wrong(digest)
        return body

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob from ``start`` on; see `airgap.transfer.ports.Store.chunks`."""
        pieces = self._pieces(blob, start)
        if start:
            return pieces
        return proved(pieces, blob.size, blob.digest, lambda: self._wrong(blob.digest))

    @contextmanager
    def place(self, blob: Descriptor) -> Iterator[Place]:
        """Open the file of a blob; see `airgap.transfer.ports.Placed`."""
        if not isinstance(self._files, Folder):
            raise InputError(f"{self.path}: {blob.digest} lies in no file of its own")
        with self._files.place(blob_name(blob.digest)) as place:
            yield place

    def _pieces(self, blob: Descriptor, start: int) -> Iterator[memoryview]:
        left = blob.size - start
        for chunk in self._files.chunks(blob_name(blob.digest), start, left):
            left -= len(chunk)
            yield chunk
        if left > 0:
            raise InputError(f"{self.path}: {blob.digest} is shorter than {blob.size} bytes")

    def _check_version(self) -> None:
        what = f"{self.path}/oci-layout"
        value = strictjson.load_object(self._files.read("oci-layout", 4096), what)
        if value.get("imageLayoutVersion") != "1.0.0":
            raise InputError(f"{self.path}: not an OCI image layout of version 1.0.0")

    def _roots(self) -> Iterator[Named]:
        what = f"{self.path}/index.json"
        value = strictjson.load_object(self._files.read("index.json", _MAX_INDEX), what)
        entries = value.get("manifests")
        if not isinstance(entries, list):
            raise InputError(f"{what}: manifests is no list")
        for entry in entries:
            root = Descriptor.from_json(entry, what)
            full, text = _names(entry.get("annotations"), what)
            yield Named(text or full, complete(full or text, self.path, root.digest), root)

    def _manifest(self, descriptor: Descriptor) -> bytes:
        return self.manifest_bytes(descriptor.digest)

    def _present(self, index: Index) -> Sequence[Descriptor]:
        return [child for child in index.children if child.digest in self]

    def _wrong(self, digest: Digest) -> InputError:
        return InputError(f"{self.path}: the content of {digest} is another")


def blob_name(digest: Digest) -> str:
    """Return what the file of a blob is called."""
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _names(annotations: object, what: str) -> tuple[str, str]:
    """Return what an entry's annotations call the image, in full and in short; empty: not said."""
    found = annotations or {}
    if not isinstance(found, dict):
        raise InputError(f"{what}: annotations is no object")
    full, text = found.get(_CONTAINERD_NAME) or "", found.get(_REF_NAME) or ""
    if not isinstance(full, str) or not isinstance(text, str):
        raise InputError(f"{what}: an image's name is no string")
    return full, text
