"""The two standard doors into a bundle, derived from its images and never parsed.

oci-layout and index.json follow the OCI image layout 1.0, manifest.json docker's archive format
(docker image specification 1.2). Both writer and reader derive them, so that every program sees
the same images. These functions are frozen for format 1.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from airgap.bundle.format import blob_name
from airgap.bundle.table import Entry, Table
from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import OCI_INDEX, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.manifest import Load, Manifest, Parsed
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
        named: the image that each reference stands for.
        docker: what manifest.json shows under each tag.
        inexpressible: references that manifest.json cannot express.
    """

    images: tuple[Image, ...]
    manifests: tuple[Descriptor, ...]
    blobs: tuple[Descriptor, ...]
    named: Mapping[Reference, Image]

    docker: Mapping[str, Manifest]
    inexpressible: tuple[Reference, ...]

    def index_json(self) -> Iterator[bytes]:
        """Write index.json, piece by piece."""
        yield b'{\n "manifests": '
        yield from strictjson.list_pieces(map(_index_entry, self.named.items()), 1)
        yield f',\n "mediaType": "{OCI_INDEX}",\n "schemaVersion": 2\n}}\n'.encode("ascii")

    def manifest_json(self) -> Iterator[bytes]:
        """Write manifest.json, piece by piece."""
        entries = (docker_entry(manifest, tag) for tag, manifest in self.docker.items())
        yield from strictjson.list_pieces(entries)
        yield b"\n"


def derive(table: Table, load: Load) -> Derived:
    """Derive all that follows from the table and the manifests.

    Args:
        table: what airgap.json says.
        load: returns the exact, proved bytes of a manifest.

    Raises:
        InputError: a manifest is invalid, content is described in two ways or by another
            algorithm than sha256, or a reference stands for two images.
    """
    images = _walk(table.entries, load)
    manifests: dict[Digest, Descriptor] = {}
    blobs: dict[Digest, Descriptor] = {}
    for image in images:
        _collect(image, image.manifests, manifests)
    # What very many images share is looked at once, and then only what was left out of it so far.
    left: dict[int, tuple[Descriptor, ...]] = {}
    for image, entry in zip(images, table.entries, strict=True):
        for manifest in image.images:
            to_do = left.get(id(manifest), manifest.blobs)
            left[id(manifest)] = tuple(b for b in to_do if b.digest in entry.absent)
            carried = [blob for blob in to_do if blob.digest not in entry.absent]
            _collect(image, (b for b in carried if b.digest not in manifests), blobs)
            _collect(image, (b for b in carried if b.digest in manifests), manifests)
    named = _by_reference(images)
    docker, inexpressible = _expressible(named, manifests.keys() | blobs.keys())
    return Derived(
        images,
        tuple(manifests.values()),
        tuple(blobs.values()),
        named,
        docker,
        tuple(inexpressible),
    )


def _walk(entries: Iterable[Entry], load: Load) -> tuple[Image, ...]:
    """Follow all images, and bound what they list: a short table may name a long manifest often."""
    parsed, images, listed = Parsed(), [], 0
    for entry in entries:
        image = entry.image(load, parsed)
        listed += sum(len(manifest.layers) + 1 for manifest in image.images)
        if listed > MAX_LISTED:
            raise InputError(f"the images name more than {MAX_LISTED} blobs, each for itself")
        images.append(image)
    return tuple(images)


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


def _index_entry(item: tuple[Reference, Image]) -> dict[str, Any]:
    reference, image = item
    entry: dict[str, Any] = {
        "mediaType": image.root.media_type,
        "digest": str(image.root.digest),
        "size": image.root.size,
    }
    if image.attached:
        return entry  # containerd would unpack what has a name as an image
    entry["annotations"] = {
        "io.containerd.image.name": str(reference),
        "org.opencontainers.image.ref.name": str(reference),
    }
    return entry


def _expressible(
    named: Mapping[Reference, Image], carried: Set[Digest]
) -> tuple[dict[str, Manifest], list[Reference]]:
    """Return what docker can load under each tag, and the references that it cannot."""
    loads: dict[int, bool] = {}  # what very many images share is looked at once
    alike: dict[tuple[int, int], bool] = {}
    shown: dict[str, Manifest] = {}
    others = []
    for reference, image in named.items():
        if image.attached:
            continue
        if not reference.tag or not image.images:
            others.append(reference)
            continue
        first, tag = image.images[0], _tag(reference)
        if id(first) not in loads:
            loads[id(first)] = _is_expressible(first, carried)
        if not loads[id(first)]:
            others.append(reference)
            continue
        there = shown.setdefault(tag, first)
        if (id(there), id(first)) not in alike:
            alike[id(there), id(first)] = _same(there, first)
        if not alike[id(there), id(first)]:
            others.append(reference)
    return shown, others


def _same(one: Manifest, other: Manifest) -> bool:
    """Tell whether docker sees no difference."""
    return one is other or docker_entry(one, "") == docker_entry(other, "")


def docker_entry(manifest: Manifest, tag: str) -> dict[str, Any]:
    """Return what manifest.json says of an image that is called ``tag``."""
    return {
        "Config": blob_name(manifest.config.digest),
        "RepoTags": [tag],
        "Layers": [blob_name(layer.digest) for layer in manifest.layers],
    }


def _tag(reference: Reference) -> str:
    return f"{reference.name}:{reference.tag}"


def _is_expressible(manifest: Manifest, carried: Set[Digest]) -> bool:
    """Tell whether docker can load it: an image all of whose layers are here, and are tars."""
    return (
        manifest.is_image
        and all(blob.digest in carried for blob in manifest.blobs)
        and all(layer.media_type in _LAYER_TYPES for layer in manifest.layers)
    )
