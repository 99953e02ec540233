"""The two standard doors into a bundle, derived from its images and never parsed.

oci-layout and index.json follow the OCI image layout 1.0, manifest.json docker's archive format
(docker image specification 1.2). Both writer and reader derive them, so that every program sees
the same images. These functions are frozen for format 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airgap.bundle.format import blob_name
from airgap.bundle.table import Table
from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import OCI_INDEX, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image, Load
from airgap.oci.manifest import Manifest, Parsed
from airgap.oci.reference import Reference

MAX_LISTED = 2_000_000
"""How many blobs all images of a bundle may name, counted for each image that names one."""
OCI_LAYOUT = strictjson.dumps({"imageLayoutVersion": "1.0.0"})
_LAYER_TYPES = {
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
}


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from a table and the manifests.

    Attributes:
        images: an image for each entry of the table, in the order of the file.
        manifests: all manifests, each once, in the order of the file.
        blobs: all other content that is carried, each once, in the order of the file.
        inexpressible: references that manifest.json cannot express.
    """

    images: tuple[Image, ...]
    manifests: tuple[Descriptor, ...]
    blobs: tuple[Descriptor, ...]
    index_json: bytes
    manifest_json: bytes
    inexpressible: tuple[Reference, ...]


def derive(table: Table, load: Load) -> Derived:
    """Derive all that follows from the table and the manifests.

    Args:
        table: what airgap.json says.
        load: returns the exact, proved bytes of a manifest.

    Raises:
        InputError: a manifest is invalid, content is described in two ways or by another
            algorithm than sha256, or a reference stands for two images.
    """
    parsed = Parsed()
    images = tuple(entry.image(load, parsed) for entry in table.entries)
    _bound(images)
    manifests: dict[Digest, Descriptor] = {}
    blobs: dict[Digest, Descriptor] = {}
    for image in images:
        _collect(image, image.manifests, manifests)
    seen: set[tuple[int, frozenset[Digest]]] = set()
    for image, entry in zip(images, table.entries, strict=True):
        for manifest in image.images:
            if (id(manifest), entry.absent) in seen:
                continue  # what very many images share is looked at once
            seen.add((id(manifest), entry.absent))
            carried = [blob for blob in manifest.blobs if blob.digest not in entry.absent]
            _collect(image, (b for b in carried if b.digest not in manifests), blobs)
            _collect(image, (b for b in carried if b.digest in manifests), manifests)
    named = _by_reference(images)
    entries, inexpressible = _docker_entries(named, {**manifests, **blobs})
    return Derived(
        images,
        tuple(manifests.values()),
        tuple(blobs.values()),
        strictjson.dumps(_index(named)),
        strictjson.dumps(entries),
        tuple(inexpressible),
    )


def _bound(images: Iterable[Image]) -> None:
    """Bound what all images list together: a short table may name a long manifest very often."""
    listed = sum(len(manifest.layers) + 1 for image in images for manifest in image.images)
    if listed > MAX_LISTED:
        raise InputError(f"the images name more than {MAX_LISTED} blobs, each for itself")


def _collect(
    image: Image, descriptors: Iterable[Descriptor], into: dict[Digest, Descriptor]
) -> None:
    for found in descriptors:
        if found.digest.algorithm != "sha256":
            raise InputError(
                f"{image.reference}: content named by {found.digest.algorithm} "
                "cannot be in a bundle of format 1",
                hint="build the image with sha256 digests, or leave it out",
            )
        if into.setdefault(found.digest, found).size != found.size:
            raise InputError(f"{image.reference}: {found.digest} is said to have two sizes")


def _by_reference(images: Sequence[Image]) -> dict[Reference, Image]:
    """Map each reference to its image; the node image may be one of the images, too."""
    found: dict[Reference, Image] = {}
    for image in images:
        if found.setdefault(image.reference, image).root != image.root:
            raise InputError(f"{image.reference} stands for two images")
    return found


def _index(named: Mapping[Reference, Image]) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": image.root.media_type,
                "digest": str(image.root.digest),
                "size": image.root.size,
                "annotations": {
                    "io.containerd.image.name": str(reference),
                    "org.opencontainers.image.ref.name": str(reference),
                },
            }
            for reference, image in named.items()
        ],
    }


def _docker_entries(
    named: Mapping[Reference, Image], carried: Mapping[Digest, Descriptor]
) -> tuple[list[dict[str, Any]], list[Reference]]:
    """Return the entries of manifest.json, and the references that have none."""
    entries: dict[str, dict[str, Any]] = {}
    inexpressible = []
    for reference, image in named.items():
        entry = docker_entry(image.images[0], reference) if image.images else {}
        fits = bool(image.images) and _is_expressible(image.images[0], carried)
        if not reference.tag or not fits or entries.setdefault(_tag(reference), entry) != entry:
            inexpressible.append(reference)
    return list(entries.values()), inexpressible


def docker_entry(manifest: Manifest, reference: Reference) -> dict[str, Any]:
    """Return what manifest.json says of an image."""
    return {
        "Config": blob_name(manifest.config.digest),
        "RepoTags": [_tag(reference)],
        "Layers": [blob_name(layer.digest) for layer in manifest.layers],
    }


def _tag(reference: Reference) -> str:
    return f"{reference.name}:{reference.tag}"


def _is_expressible(manifest: Manifest, carried: Mapping[Digest, Descriptor]) -> bool:
    """Tell whether docker can load it: an image all of whose layers are here, and are tars."""
    return (
        manifest.is_image
        and all(blob.digest in carried for blob in manifest.blobs)
        and all(layer.media_type in _LAYER_TYPES for layer in manifest.layers)
    )
