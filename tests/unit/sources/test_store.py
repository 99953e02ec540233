"""A layout as a source of one image."""

from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.sources.layout import Layout
from airgap.sources.store import StoreSource
from tests.support.images import Maker, described

NAME = Reference.parse("shop/web:7")


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    maker = Maker(tmp_path / "built")
    maker.image(b"first", name="quay.io/org/app:1")
    maker.image(b"second", name="quay.io/org/app:2")
    maker.image(b"other", name="quay.io/org/other:2")
    return maker


def source(layout: Layout) -> StoreSource:
    return StoreSource(layout, layout.named[0])


def test_the_image_has_any_name_but_its_own_digest(maker: Maker) -> None:
    layout = maker.layout()
    root, body = source(layout).resolve(NAME)
    assert root == layout.images[0].root
    assert Digest.of(body) == root.digest
    assert source(layout).resolve(Reference.parse(f"x@{root.digest}"))[0] == root
    other = layout.images[1].root.digest
    with pytest.raises(InputError, match=f"has {root.digest}") as caught:
        source(layout).resolve(Reference.parse(f"x@{other}"))
    assert "--update" in caught.value.hint


def test_what_is_found_by_tag_is_of_the_same_repository(maker: Maker) -> None:
    layout = maker.layout()
    found = source(layout).find(NAME, "2")
    assert found
    assert found[0].digest == layout.images[1].root.digest
    assert source(layout).find(NAME, "3") is None


def test_what_is_found_by_digest_is_anything_that_is_there(maker: Maker) -> None:
    layout = maker.layout()
    other = layout.images[2].root
    found = source(layout).find(NAME, str(other.digest))
    assert found
    assert (found[0].digest, found[0].media_type) == (other.digest, other.media_type)
    assert source(layout).find(NAME, str(Digest.of(b"nothing"))) is None


def test_what_an_index_names_and_is_not_there(maker: Maker) -> None:
    child = maker.image(b"arm", architecture="arm64")
    maker.index("quay.io/org/app:3", arm64=child)
    maker.forget(child)
    with pytest.raises(InputError, match=f"lacks the manifest {child['digest']}") as caught:
        source(maker.layout()).manifest(NAME, described(child))
    assert "--platform" in caught.value.hint


def test_a_size_that_the_list_has_wrong(maker: Maker) -> None:
    made = maker.image(b"sized")
    maker.name(made | {"size": made["size"] + 1}, "quay.io/org/app:4")
    layout = maker.layout()
    with pytest.raises(InputError, match=f"has {made['size']} bytes, not {made['size'] + 1}"):
        StoreSource(layout, layout.named[3]).resolve(NAME)


def test_blobs_are_handed_on_from_any_place(maker: Maker) -> None:
    layout = maker.layout()
    blob = next(b for b in layout.images[0].blobs if b.size == 5)
    got = bytearray()
    source(layout).fetch(NAME, blob, got.extend, 2)
    assert bytes(got) == b"rst"
    assert source(layout).has_blob(NAME, blob)
    assert source(layout).remaining_pulls(NAME) is None
    assert source(layout).referrers(NAME, blob.digest) is None
