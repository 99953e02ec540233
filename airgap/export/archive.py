"""An archive of images, one platform of each, that every importer takes whole.

It is an OCI image layout 1.0 and docker's archive (docker image specification 1.2) at once, as a
bundle is, but it names manifests alone: what an index lists and the file does not hold stops
``ctr images import --all-platforms`` and k3s's import half-way. ``docker load`` and
``podman load`` read manifest.json, containerd and skopeo index.json.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airgap.bundle import tar
from airgap.bundle.format import blob_name
from airgap.bundle.indexes import OCI_LAYOUT, docker_entry
from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import OCI_INDEX, Descriptor, unique
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.manifest import Manifest
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.transfer.ports import Store

_HINT_PLATFORM = "choose one with --platform"
_IMPORTED_AS = "io.containerd.image.name"
"""The annotation by which containerd names what it imports."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One image of the archive.

    Attributes:
        reference: its name.
        root: its manifest, under which the importer knows it.
        manifest: the same, read.
        was: the digest that the name stood for in the bundle; another one than ``root``'s where
            that was an index, so that nobody finds the image by it.
    """

    reference: Reference
    root: Descriptor
    manifest: Manifest
    was: Digest

    @property
    def keeps_digest(self) -> bool:
        """Whether the name stands for the same digest as in the bundle."""
        return self.root.digest == self.was


@dataclass(frozen=True, slots=True)
class Archive:
    """What is exported, and what is not.

    Attributes:
        images: in the order of the bundle.
        artifacts: names of what is no image (charts, signatures), which importers refuse.
    """

    images: tuple[Exported, ...]
    artifacts: tuple[Reference, ...]

    @property
    def members(self) -> tuple[Descriptor, ...]:
        """Manifests, configs and layers, each once."""
        roots = [image.root for image in self.images]
        return tuple(unique([*roots, *(b for i in self.images for b in i.manifest.blobs)]))

    @property
    def size(self) -> int:
        """Bytes of the archive."""
        sizes = [(name, len(body)) for name, body in self._doors()]
        sizes += [(blob_name(blob.digest), blob.size) for blob in self.members]
        return tar.end(tar.place(sizes))

    def write(self, store: Store) -> Iterator[bytes | memoryview]:
        """Stream the archive; each chunk's memory is reused after the next.

        Raises:
            InputError: content is missing, or not what its digest says.
            ResourceError: the medium cannot be read.
        """
        for name, body in self._doors():
            yield tar.header(name, len(body)) + body + bytes(tar.pad(len(body)))
        for blob in self.members:
            yield tar.header(blob_name(blob.digest), blob.size)
            yield from store.chunks(blob)
            yield bytes(tar.pad(blob.size))
        yield tar.END

    def _doors(self) -> list[tuple[str, bytes]]:
        index = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [entry for image in self.images for entry in _index_entries(image)],
        }
        docker = [
            docker_entry(image.manifest, f"{image.reference.name}:{image.reference.tag}")
            for image in self.images
            if image.reference.tag
        ]
        return [
            ("oci-layout", OCI_LAYOUT),
            ("index.json", strictjson.dumps(index)),
            ("manifest.json", strictjson.dumps(docker)),
        ]


def plan(images: Sequence[Image], store: Store, platform: Platform | None) -> Archive:
    """Choose what an archive is to hold.

    Args:
        images: what was asked for.
        store: has their content.
        platform: which one of each; None where each image has one alone.

    Raises:
        InputError: an image has several platforms or lacks the one asked for, or content that an
            importer wants is not in the store; all such images are named at once.
    """
    exported, artifacts, wrong = [], [], []
    for image in images:
        if not any(manifest.is_image for manifest in image.images):
            artifacts.append(image.reference)
            continue
        try:
            exported.append(_export(image, store, platform))
        except InputError as error:
            wrong.append(error)
    if wrong:
        raise InputError(
            "\n  ".join(["these cannot be exported:", *(e.message for e in wrong)])
            if len(wrong) > 1
            else wrong[0].message,
            hint=wrong[0].hint,
        )
    if not exported:
        raise InputError(
            "there is no image to export: " + ", ".join(str(name) for name in artifacts)
            if artifacts
            else "there is no image to export",
            hint="airgap inspect shows what a bundle holds; artifacts need a registry: airgap push",
        )
    return Archive(tuple(exported), tuple(artifacts))


def _export(image: Image, store: Store, platform: Platform | None) -> Exported:
    manifest, root = _choose(image, platform)
    for blob in manifest.blobs:
        if blob.digest not in store:
            raise InputError(
                f"{image.reference}: {blob.digest} is not in the bundle (a layer that its maker"
                " does not let others carry)",
                hint="leave the image out: name the others",
            )
    return Exported(image.reference, root, manifest, image.root.digest)


def _choose(image: Image, platform: Platform | None) -> tuple[Manifest, Descriptor]:
    """Return the manifest for a platform, and its descriptor; buildkit's attestations are none."""
    roots = [found for found in image.manifests if not found.is_index]
    choices = [
        (manifest, root)
        for manifest, root in zip(image.images, roots, strict=True)
        if manifest.is_image and (not root.platform or root.platform.is_known)
    ]
    carried = ", ".join(map(str, image.platforms)) or "an unknown platform"
    if len(choices) == 1 and (platform is None or not image.platforms):
        return choices[0]
    if platform is None:
        raise InputError(f"{image.reference} is there for {carried}", hint=_HINT_PLATFORM)
    fits = [c for c in choices if c[1].platform and c[1].platform.matches(platform)]
    if len(choices) == 1 and not fits and any(found.matches(platform) for found in image.platforms):
        fits = choices
    if not fits:
        raise InputError(
            f"{image.reference} is not there for {platform}, but for {carried}",
            hint="pack it again with that --platform, or leave it out",
        )
    return fits[0]


def _index_entries(image: Exported) -> Iterator[dict[str, object]]:
    """Name an image by its tag and by its digest: a kubelet asks for what the pod says, no more.

    Only the former is a name to other readers of OCI layouts, which take one of the two for several
    images of one name.
    """
    name, tag = image.reference.name, image.reference.tag
    if tag:
        text = f"{name}:{tag}"
        yield _entry(image.root, {_IMPORTED_AS: text, "org.opencontainers.image.ref.name": text})
    yield _entry(image.root, {_IMPORTED_AS: f"{name}@{image.root.digest}"})


def _entry(root: Descriptor, annotations: dict[str, str]) -> dict[str, object]:
    return {
        "mediaType": root.media_type,
        "digest": str(root.digest),
        "size": root.size,
        "annotations": annotations,
    }
