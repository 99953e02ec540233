"""place: opens what holds images on this machine; its form is found by content."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from airgap.bundle.reader import Bundle
from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.sources.archive.files import Archive
from airgap.sources.docker_archive import DockerArchive
from airgap.sources.layout import Layout
from airgap.sources.named import Content, Named
from airgap.spec.wanted import Place


def open_place(path: Path, stack: ExitStack, *, is_bundle: bool = False) -> Content:
    """Open a folder, an archive or a bundle.

    Args:
        path: where it is.
        stack: closes it.
        is_bundle: it is to be a bundle of airgap, and proved as one.

    Raises:
        InputError: it is not there, or holds no images.
        ResourceError: it cannot be read.
    """
    if is_bundle:
        return _Carried(stack.enter_context(Bundle.open(path)))
    if path.is_dir():
        return Layout(path)
    files = stack.enter_context(Archive(path))
    if "index.json" in files and "oci-layout" in files:
        return Layout(path, files)
    if "manifest.json" in files:
        return DockerArchive(path, files)
    raise InputError(
        f"{path} holds no images: it has neither index.json nor manifest.json",
        hint="name an OCI image layout, or an archive of docker save",
    )


def split(place: Place) -> tuple[Path, str]:
    """Split ``PATH[:REF]`` or ``PATH@DIGEST``; the shortest path that exists counts."""
    for mark in re.finditer(r":|@(?=sha256:)|$", place.text):
        path = place.folder / place.text[: mark.start()]
        if path.exists():
            return path, place.text[mark.end() :]
    path_text, _, rest = place.text.partition(":")
    return place.folder / path_text, rest


class _Carried:
    """The images of a bundle; implements Content."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self.path = bundle, bundle.path
        images = (*filter(None, (bundle.node, bundle.registry)), *bundle.images)
        self.named: Sequence[Named] = [
            Named(str(i.reference), i.reference, i.root, i.attached) for i in images
        ]

    def __contains__(self, digest: object) -> bool:
        return digest in self._bundle

    def manifest_bytes(self, digest: Digest) -> bytes:
        return self._bundle.manifest_bytes(digest)

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        return self._bundle.chunks(blob, start)
