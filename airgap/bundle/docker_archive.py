"""Archive: one image as a docker-archive, streamed out of a store without a copy on disk.

``docker load`` reads it.
"""

from collections.abc import Iterator

from airgap.bundle import tar
from airgap.bundle.format import blob_name
from airgap.bundle.indexes import docker_entry
from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.image import Image, unique
from airgap.oci.reference import Reference
from airgap.transfer.ports import Store


def docker_archive(
    store: Store, image: Image, manifest_index: int, name: str
) -> Iterator[bytes | memoryview]:
    """Stream an image as a tar; each chunk's memory is reused after the next.

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
