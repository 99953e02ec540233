"""A layout in which every manifest is listed, as oras writes it."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.pack.result import Result
from airgap.progress import Silent
from airgap.sources.choose import choose
from airgap.sources.layout import Layout
from airgap.spec.image_list import parse_list
from airgap.spec.spec import Spec
from tests.support.images import CONFIG, Json, Maker, described
from tests.support.shelf import Shelf


class Listing(Maker):
    """Lists what it makes; what has no name, too."""

    def keep(self, content, about, name) -> None:  # type: ignore[no-untyped-def]
        super().keep(content, about, name)
        if not name and b'"schemaVersion"' in content:
            self._roots.append(about.to_json())

    def refer(self, subject: Json, content: bytes) -> Json:
        config, layer = self.blob(b"{}", CONFIG), self.blob(content)
        there = {k: subject[k] for k in ("mediaType", "digest", "size")}
        return self.artifact(config, layer, subject=there, artifactType="a/b")


@pytest.fixture
def maker(tmp_path: Path) -> Listing:
    return Listing(tmp_path / "made")


def packed(folder: Path, line: str) -> Result:
    spec = Spec(parse_list(line, "l.txt", folder), platforms=(Platform("linux", "amd64"),))
    with ExitStack() as stack:
        listed, source = choose(spec.images, Shelf(), stack)
        result = pack(Request(spec, listed, folder / "b.tar"), source, Silent())
    assert result.error is None
    return result


def test_what_belongs_to_an_image_is_none_and_comes_along(maker: Listing, tmp_path: Path) -> None:
    arm = maker.image(b"arm", architecture="arm64")
    root = maker.index("1", amd64=maker.image(b"amd"), arm64=arm)
    signature = maker.refer(root, b"signed")
    of_signature = maker.refer(signature, b"countersigned")
    maker.refer(arm, b"of another platform")
    layout = maker.layout()
    assert [one.text for one in layout.named if not one.attached] == ["1"]
    assert layout.referrers(described(root).digest) == (described(signature),)
    result = packed(tmp_path, "oci:made as shop/app:1")
    assert [image.reference.familiar for image in result.images] == ["shop/app:1"]
    carried = {str(m.digest) for one in result.attached for m in one.manifests}
    assert {signature["digest"], of_signature["digest"]} <= carried
    assert b"of another platform" not in result.path.read_bytes()


def test_what_has_no_name_and_belongs_to_nothing_is_an_image(maker: Listing) -> None:
    alone = maker.image(b"alone")
    maker.image(b"named", name="2")
    layout = maker.layout()
    assert [one.attached for one in layout.named] == [False, False]
    assert layout.named[0].reference == Reference.parse(f"localhost/made@{alone['digest']}")


def test_an_entry_that_cannot_be_read_belongs_to_nothing(maker: Listing) -> None:
    maker.forget(maker.image(b"gone"))
    (maker.folder / "blobs/sha256" / maker.image(b"cut")["digest"][7:]).write_bytes(b"{")
    maker.image(b"named", name="2")
    layout = maker.layout()
    assert [one.attached for one in layout.named] == [False] * 3
    with pytest.raises(InputError):
        _ = layout.images


def test_where_all_have_names_nothing_is_read(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "made")
    maker.forget(maker.image(b"gone", name="1"))
    assert Layout(maker.layout().path).named
