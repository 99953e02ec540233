"""Layout: an OCI image layout folder as a Store.

Follows the OCI image specification 1.1, "Image Layout". Only regular files below ``blobs/`` are
read, under names made from validated digests; a symbolic link is refused.
"""

import errno
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from airgap.errors import InputError, ResourceError
from airgap.oci import strictjson
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image, walk
from airgap.oci.manifest import MAX_MANIFEST, Index
from airgap.oci.proof import proved
from airgap.oci.reference import Reference
from airgap.transfer.ports import Place

_REF_NAME = "org.opencontainers.image.ref.name"
_CONTAINERD_NAME = "io.containerd.image.name"
_CHUNK = 1 << 18
_MAX_INDEX = 16 << 20


class Layout:
    """An opened layout; implements Store.

    Attributes:
        path: the folder.
        images: what index.json names, each with the children that are there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._check_version()
        self.images: Sequence[Image] = [
            walk(reference, root, self._manifest, self._present)
            for reference, root in self._roots()
        ]

    def __contains__(self, digest: object) -> bool:
        """Tell whether the folder has the content of a digest."""
        return isinstance(digest, Digest) and self._blob(digest).is_file()

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return a manifest's exact bytes, proved.

        Raises:
            InputError: it is missing, too large, or its bytes are not those of the digest.
        """
        with self._open(digest) as file:
            body = file.read(MAX_MANIFEST + 1)
        if len(body) > MAX_MANIFEST:
            raise InputError(f"{self.path}: {digest}: manifest larger than 4 MiB")
        if hashlib.new(digest.algorithm, body).hexdigest() != digest.hex:
            raise InputError(f"{self.path}: the content of {digest} is another")
        return body

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob from ``start`` on; see `airgap.transfer.ports.Store.chunks`."""
        if start:
            return self._pieces(blob, start)
        wrong = InputError(f"{self.path}: the content of {blob.digest} is another")
        return proved(self._pieces(blob), blob.size, blob.digest, lambda: wrong)

    @contextmanager
    def place(self, blob: Descriptor) -> Iterator[Place]:
        """Open the file of a blob; see `airgap.transfer.ports.Placed`."""
        with self._open(blob.digest) as file:
            yield Place(file.fileno(), 0)

    def _pieces(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        at = start
        with self._open(blob.digest) as file:
            buffer = memoryview(bytearray(min(_CHUNK, max(blob.size - at, 0))))
            while at < blob.size:
                count = self._read_at(file, buffer[: blob.size - at], at)
                if not count:
                    raise InputError(
                        f"{self.path}: {blob.digest} is shorter than {blob.size} bytes"
                    )
                at += count
                yield buffer[:count]

    def _read_at(self, file: BinaryIO, buffer: memoryview, at: int) -> int:
        try:
            return os.preadv(file.fileno(), [buffer], at)
        except OSError as error:
            raise ResourceError(f"cannot read {self.path}: {error.strerror}") from error

    def _check_version(self) -> None:
        value = strictjson.load_object(self._read("oci-layout", 4096), f"{self.path}/oci-layout")
        if value.get("imageLayoutVersion") != "1.0.0":
            raise InputError(f"{self.path}: not an OCI image layout of version 1.0.0")

    def _roots(self) -> Iterator[tuple[Reference, Descriptor]]:
        what = f"{self.path}/index.json"
        value = strictjson.load_object(self._read("index.json", _MAX_INDEX), what)
        entries = value.get("manifests")
        if not isinstance(entries, list):
            raise InputError(f"{what}: manifests is no list")
        for entry in entries:
            root = Descriptor.from_json(entry, what)
            yield self._reference(_name(entry.get("annotations"), what), root.digest), root

    def _reference(self, name: str, digest: Digest) -> Reference:
        """Name an image: by its full name, else by the folder's name and the tag, if any."""
        if "/" in name:
            return Reference.parse(name)
        folder = re.sub(r"[^a-z0-9]+", "-", self.path.resolve().name.lower()).strip("-") or "layout"
        return Reference.parse(
            f"localhost/{folder}:{name}" if name else f"localhost/{folder}@{digest}"
        )

    def _manifest(self, descriptor: Descriptor) -> bytes:
        return self.manifest_bytes(descriptor.digest)

    def _present(self, index: Index) -> Sequence[Descriptor]:
        return [child for child in index.children if self._blob(child.digest).is_file()]

    def _blob(self, digest: Digest) -> Path:
        return self.path / "blobs" / digest.algorithm / digest.hex

    def _open(self, digest: Digest) -> BinaryIO:
        return self._open_file(self._blob(digest), str(digest))

    def _read(self, name: str, limit: int) -> bytes:
        with self._open_file(self.path / name, name) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise InputError(f"{self.path}/{name}: larger than {limit} bytes")
        return data

    def _open_file(self, path: Path, what: str) -> BinaryIO:
        try:
            return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", 0)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError(
                f"{self.path}: {what} is missing", hint="name a bundle, or an OCI image layout"
            ) from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise InputError(f"{self.path}: {what} is a symbolic link") from error
            raise ResourceError(f"cannot read {path}: {error.strerror}") from error


def _name(annotations: object, what: str) -> str:
    """Return what an entry's annotations call the image, empty where they do not."""
    found = annotations or {}
    if not isinstance(found, dict):
        raise InputError(f"{what}: annotations is no object")
    name = found.get(_CONTAINERD_NAME) or found.get(_REF_NAME) or ""
    if not isinstance(name, str):
        raise InputError(f"{what}: an image's name is no string")
    return name
