"""One manifest as an OCI archive, streamed out of a store without a copy on disk.

``ctr images import`` takes it, keeps the manifest's bytes and so its digest, and calls the image
as the archive says (OCI image layout 1.0, containerd's ``io.containerd.image.name``). A
docker-archive, of which containerd makes a manifest of its own, can promise neither.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from airgap.bundle import tar
from airgap.bundle.format import blob_name
from airgap.oci import strictjson
from airgap.oci.image import Image, unique
from airgap.oci.manifest import Descriptor, Manifest
from airgap.transfer.ports import Store


def manifest_of(image: Image, manifest_index: int = 0) -> tuple[Descriptor, Manifest]:
    """Return one of an image's manifests with its descriptor.

    Args:
        image: any with at least one manifest that is no index.
        manifest_index: which one, in the order of ``image.images``.
    """
    alone = [descriptor for descriptor in image.manifests if not descriptor.is_index]
    return alone[manifest_index], image.images[manifest_index]


def oci_archive(
    store: Store, image: Image, manifest_index: int, name: str
) -> Iterator[bytes | memoryview]:
    """Stream one manifest of an image as a tar; each chunk's memory is reused after the next.

    Args:
        store: has the image's content.
        image: which image.
        manifest_index: which of its manifests, that is, for which platform.
        name: what containerd is to call it; may end in the manifest's own digest.

    Raises:
        InputError: content is missing or wrong.
    """
    descriptor, manifest = manifest_of(image, manifest_index)
    index: Mapping[str, Any] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": descriptor.media_type,
                "digest": str(descriptor.digest),
                "size": descriptor.size,
                "annotations": {"io.containerd.image.name": name},
            }
        ],
    }
    yield from _member("oci-layout", strictjson.dumps({"imageLayoutVersion": "1.0.0"}))
    yield from _member("index.json", strictjson.dumps(index))
    yield from _member(blob_name(descriptor.digest), store.manifest_bytes(descriptor.digest))
    for blob in unique(manifest.blobs):
        yield tar.header(blob_name(blob.digest), blob.size)
        yield from store.chunks(blob)
        yield bytes(tar.pad(blob.size))
    yield tar.END


def _member(name: str, body: bytes) -> Iterator[bytes]:
    yield tar.header(name, len(body)) + body + bytes(tar.pad(len(body)))
