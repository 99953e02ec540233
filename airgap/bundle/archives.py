"""Archives: one image as a tar that other programs load, streamed without a copy on disk."""

from collections.abc import Iterator

from airgap.bundle import tar
from airgap.bundle.format import blob_name
from airgap.bundle.indexes import docker_entry
from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import OCI_INDEX, unique
from airgap.oci.image import Image
from airgap.oci.reference import Reference
from airgap.transfer.ports import Store

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


def docker_archive(
    store: Store, image: Image, manifest_index: int, name: str
) -> Iterator[bytes | memoryview]:
    """Stream an image for ``docker load``; each chunk's memory is reused after the next.

    Args:
        store: has the image's content.
        image: which image.
        manifest_index: which of its manifests, that is, for which platform.
        name: what it is to be called, with a tag.

    Raises:
        InputError: ``name`` has no tag, or content is missing or wrong.
    """
    reference = Reference.parse(name)
    if not reference.tag:
        raise InputError(f"{name} has no tag, so an archive cannot name the image")
    manifest = image.images[manifest_index]
    body = strictjson.dumps([docker_entry(manifest, name)])
    yield tar.header("manifest.json", len(body)) + body + bytes(tar.pad(len(body)))
    for blob in unique(manifest.blobs):
        yield tar.header(blob_name(blob.digest), blob.size)
        yield from store.chunks(blob)
        yield bytes(tar.pad(blob.size))
    yield tar.END


def oci_archive(store: Store, image: Image, name: str) -> Iterator[bytes | memoryview]:
    """Stream an image as an OCI layout; each chunk's memory is reused after the next.

    ``ctr images import`` reads it, and keeps the image's own digest: an index stays the index.

    Args:
        store: has the image's content.
        image: which image, with all that is carried of it.
        name: what containerd is to call it, whole; a digest may stand in it.

    Raises:
        InputError: content is missing or wrong.
    """
    entry = image.root.to_json() | {"annotations": {"io.containerd.image.name": name}}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    yield from _file("oci-layout", _LAYOUT)
    yield from _file("index.json", strictjson.dumps(index))
    for manifest in image.manifests:
        yield from _file(blob_name(manifest.digest), store.manifest_bytes(manifest.digest))
    for blob in image.blobs:
        yield tar.header(blob_name(blob.digest), blob.size)
        yield from store.chunks(blob)
        yield bytes(tar.pad(blob.size))
    yield tar.END


def _file(name: str, body: bytes) -> Iterator[bytes]:
    yield tar.header(name, len(body)) + body + bytes(tar.pad(len(body)))
