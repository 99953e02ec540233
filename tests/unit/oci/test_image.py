from dataclasses import replace

import pytest

from airgap.errors import InputError
from airgap.oci import descriptor as d
from airgap.oci.choice import Choice
from airgap.oci.digest import Digest
from airgap.oci.flatten import flattened
from airgap.oci.image import MAX_MANIFESTS, Image, walk
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from tests.support.images import CONFIG, Shapes, described

REFERENCE = Reference.parse("quay.io/org/app:1")


class Content(Shapes):
    """Manifests by digest, and how often they are read."""

    def __init__(self) -> None:
        self.bodies: dict[Digest, bytes] = {}
        self.loaded = 0

    def keep(self, content: bytes, about: d.Descriptor, name: str) -> None:
        if about.media_type in (d.OCI_INDEX, d.OCI_MANIFEST):
            self.bodies[about.digest] = content

    def manifest(self, *layers: bytes) -> d.Descriptor:
        config = self.blob(b"config of " + b"".join(layers), CONFIG)
        return described(self.artifact(config, *map(self.blob, layers)))

    def listing(self, *children: tuple[d.Descriptor, str]) -> d.Descriptor:
        """Make an index of children for platforms, where these are not empty."""
        entries = [
            replace(child, platform=Platform.parse(text) if text else None).to_json()
            for child, text in children
        ]
        return described(self.index("", *entries))

    def image(self, root: d.Descriptor, *platforms: str) -> Image:
        choice = Choice("app", [Platform.parse(p) for p in platforms])
        image = walk(REFERENCE, root, self.load, choice)
        choice.check()
        return image

    def load(self, found: d.Descriptor) -> bytes:
        self.loaded += 1
        return self.bodies[found.digest]


def test_one_manifest() -> None:
    content = Content()
    root = content.manifest(b"a", b"b")
    image = content.image(root)
    assert image.manifests == (root,)
    assert [blob.size for blob in image.blobs] == [12, 1, 1]
    assert image.size == root.size + 14


def test_children_come_before_the_index_and_shared_layers_once() -> None:
    content = Content()
    amd, arm = content.manifest(b"base", b"amd"), content.manifest(b"base", b"arm")
    root = content.listing((amd, "linux/amd64"), (arm, "linux/arm64"))
    image = content.image(root)
    assert [d.digest for d in image.manifests] == [amd.digest, arm.digest, root.digest]
    assert len(image.blobs) == 5
    assert [str(p) for p in image.platforms] == ["linux/amd64", "linux/arm64"]


def test_a_platform_filter_keeps_the_index() -> None:
    content = Content()
    amd, arm = content.manifest(b"amd"), content.manifest(b"arm")
    root = content.listing((amd, "linux/amd64"), (arm, "linux/arm64"))
    image = content.image(root, "linux/arm64")
    assert image.root == root
    assert [d.digest for d in image.manifests] == [arm.digest, root.digest]


def test_a_sparse_index_is_flattened_to_its_one_manifest() -> None:
    content = Content()
    amd, arm = content.manifest(b"amd"), content.manifest(b"arm")
    root = content.listing((amd, "linux/amd64"), (arm, "linux/arm64"))
    image = content.image(root, "linux/amd64")
    flat = flattened(image, lambda found: content.bodies[found.digest])
    assert flat.root.digest == amd.digest
    assert [found.digest for found in flat.manifests] == [amd.digest]
    assert flat.blobs == image.blobs


def test_what_is_whole_or_pinned_or_for_two_platforms_is_not_flattened() -> None:
    content = Content()
    amd, arm = content.manifest(b"amd"), content.manifest(b"arm")
    both = content.listing((amd, "linux/amd64"), (arm, "linux/arm64"))
    three = content.listing((amd, "linux/amd64"), (arm, "linux/arm64"), (arm, "linux/s390x"))
    one = content.listing((amd, "linux/amd64"))
    pinned = Reference.parse(f"quay.io/org/app@{both.digest}")
    for image in (
        content.image(both, "linux/amd64", "linux/arm64"),
        content.image(three, "linux/amd64", "linux/arm64"),
        content.image(one, "linux/amd64"),
        content.image(amd),
        replace(content.image(both, "linux/amd64"), reference=pinned),
    ):
        assert flattened(image, lambda found: content.bodies[found.digest]) == image


def test_the_first_platform_asked_for_comes_first() -> None:
    content = Content()
    amd, arm = content.manifest(b"amd"), content.manifest(b"arm")
    root = content.listing((amd, "linux/amd64"), (arm, "linux/arm64"))
    image = content.image(root, "linux/arm64", "linux/amd64")
    assert [d.digest for d in image.manifests] == [arm.digest, amd.digest, root.digest]


def test_a_missing_platform_names_what_there_is() -> None:
    content = Content()
    root = content.listing((content.manifest(b"a"), "linux/amd64"), (content.manifest(b"b"), ""))
    with pytest.raises(InputError, match=r"no image for linux/s390x \(it has linux/amd64\)"):
        content.image(root, "linux/s390x")


def test_an_index_in_an_index_is_followed() -> None:
    content = Content()
    amd = content.manifest(b"amd")
    inner = content.listing((amd, "linux/amd64"))
    root = content.listing((inner, ""))
    image = content.image(root, "linux/amd64")
    assert [d.digest for d in image.manifests] == [amd.digest, inner.digest, root.digest]


def test_endless_nesting_is_refused() -> None:
    content = Content()
    root = content.manifest(b"x")
    for _ in range(6):
        root = content.listing((root, ""))
    with pytest.raises(InputError, match="nested deeper"):
        content.image(root)


def test_what_indexes_list_again_and_again_is_loaded_once() -> None:
    content = Content()
    children = [content.manifest(b"%d" % n) for n in range(2)]
    for _ in range(3):
        # Forty entries, two digests, on each of four levels: 40 to the fourth paths.
        listed = [(child, "") for child in children] * 20
        children = [content.listing(*listed), content.listing(*listed, (children[0], "linux/x"))]
    root = content.listing(*[(child, "") for child in children] * 20)
    image = content.image(root)
    assert content.loaded == len(image.manifests) == len(content.bodies)
    assert len(image.images) == 2


def test_an_index_of_very_many_manifests_is_refused_before_they_are_loaded() -> None:
    content = Content()
    many = [content.manifest(b"%d" % n) for n in range(MAX_MANIFESTS)]
    with pytest.raises(InputError, match="more than 1000 manifests"):
        content.image(content.listing(*[(child, "") for child in many]))
    assert content.loaded <= MAX_MANIFESTS
    assert len(content.image(content.listing(*[(child, "") for child in many[1:]])).images) == 999


def test_manifests_of_very_many_bytes_are_refused_before_they_are_loaded() -> None:
    content = Content()
    huge = [replace(content.manifest(b"%d" % n), size=4 << 20) for n in range(9)]
    with pytest.raises(InputError, match="32 MiB"):
        content.image(content.listing(*[(child, "") for child in huge]))
    assert content.loaded <= 8


def test_very_many_indexes_are_refused() -> None:
    content = Content()
    inner = [content.listing((content.manifest(b"%d" % n), "")) for n in range(65)]
    with pytest.raises(InputError, match="more than 64 indexes"):
        content.image(content.listing(*[(child, "") for child in inner]))
