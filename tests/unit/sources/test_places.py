"""Images from places on this machine, by lines of a list."""

import gzip
from contextlib import ExitStack
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import InputError
from airgap.oci.digest import Digest
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.pack.result import Result
from airgap.progress import Silent
from airgap.sources.choose import choose
from airgap.spec.image_list import parse_list
from airgap.spec.spec import Spec
from tests.support import archives
from tests.support.images import Maker
from tests.support.shelf import Shelf

AMD64 = Platform("linux", "amd64")


def packed(folder: Path, *lines: str, keep_going: bool = False) -> Result:
    spec = Spec(parse_list("\n".join(lines), "l.txt", folder), platforms=(AMD64,))
    with ExitStack() as stack:
        listed, source = choose(spec.images, Shelf(), stack)
        request = Request(spec, listed, folder / "b.tar", keep_going=keep_going)
        return pack(request, source, Silent())


def carried(result: Result) -> dict[str, str]:
    """Return the digests of what is in the bundle, which is proved, by familiar names."""
    if result.error:
        raise result.error
    with Bundle.open(result.path) as bundle:
        bundle.verify()
        return {i.reference.familiar: str(i.root.digest) for i in bundle.images}


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    """Make a layout ``built`` with an image by its full name, one by a tag, and an index."""
    maker = Maker(tmp_path / "built")
    maker.image(b"full", name="quay.io/org/app:1")
    maker.image(b"tag", name="2.0")
    arm = maker.image(b"arm", architecture="arm64")
    maker.index("nginx:1.27", amd64=maker.image(b"amd"), arm64=arm)
    maker.layout()
    return maker


NAMES = ["quay.io/org/app:1", "localhost/built:2.0", "nginx:1.27"]


@pytest.mark.parametrize("form", ["oci:built", "oci-archive:built.tar", "oci-archive:built.tar.gz"])
def test_all_images_of_a_layout(tmp_path: Path, maker: Maker, form: str) -> None:
    data = archives.of_folder(maker.folder)
    (tmp_path / "built.tar").write_bytes(data)
    (tmp_path / "built.tar.gz").write_bytes(gzip.compress(data))
    found = carried(packed(tmp_path, form))
    roots = {str(one.reference): str(one.root.digest) for one in maker.layout().named}
    assert {str(Reference.parse(name)): digest for name, digest in found.items()} == roots
    assert list(found) == NAMES


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("oci:built:2.0", "localhost/built:2.0"),
        ("oci:built:quay.io/org/app:1", "quay.io/org/app:1"),
        ("oci:built:nginx:1.27 as shop/web:7", "shop/web:7"),
        ("oci:built:2.0 as app", "app:latest"),
        ("--platform all oci:built:docker.io/library/nginx:1.27", "nginx:1.27"),
    ],
)
def test_one_image_of_a_layout(tmp_path: Path, maker: Maker, line: str, name: str) -> None:
    assert list(carried(packed(tmp_path, line))) == [name]


def test_an_image_by_its_digest(tmp_path: Path, maker: Maker) -> None:
    digest = maker.layout().named[0].root.digest
    for mark in ":@":
        found = carried(packed(tmp_path, f"oci:built{mark}{digest} as app:1"))
        assert found == {"app:1": str(digest)}


def test_a_path_with_a_colon(tmp_path: Path, maker: Maker) -> None:
    maker.folder.rename(tmp_path / "built:by:ci")
    assert list(carried(packed(tmp_path, "oci:built:by:ci:nginx:1.27"))) == ["nginx:1.27"]


@pytest.mark.parametrize("shape", archives.DOCKER)
def test_an_archive_of_docker(tmp_path: Path, shape: str) -> None:
    (tmp_path / "x.tar").write_bytes(archives.DOCKER[shape]())
    result = packed(tmp_path, "docker-archive:x.tar")
    (digest,) = carried(result).values()
    assert [str(p) for p in result.images[0].platforms] == ["linux/amd64"]
    again = packed(tmp_path, "oci-archive:x.tar:shop/app:1 as other:1")
    assert carried(again) == {"other:1": digest}, "the form is found by content"


def test_docker_since_25_keeps_its_own_manifests(tmp_path: Path, maker: Maker) -> None:
    listed = archives.listing("blobs/sha256/x", [], "shop:1")
    (tmp_path / "x.tar").write_bytes(archives.of_folder(maker.folder, listed=listed))
    names = list(carried(packed(tmp_path, "docker-archive:x.tar")))
    assert names == [NAMES[0], "localhost/x:2.0", NAMES[2]]


def test_a_bundle(tmp_path: Path, maker: Maker) -> None:
    old = packed(tmp_path, "oci:built").path.rename(tmp_path / "old.tar")
    with Bundle.open(old) as bundle:
        digest = str(bundle.images[2].root.digest)
    assert carried(packed(tmp_path, "bundle:old.tar:nginx:1.27")) == {"nginx:1.27": digest}
    assert carried(packed(tmp_path, "oci-archive:old.tar:nginx:1.27")) == {"nginx:1.27": digest}
    damaged = bytearray(old.read_bytes())
    damaged[600] ^= 1
    old.write_bytes(damaged)
    with pytest.raises(InputError, match="is damaged"):
        packed(tmp_path, "bundle:old.tar:nginx:1.27")


def test_a_platform_that_an_archive_left_out(tmp_path: Path, maker: Maker) -> None:
    index = maker.layout().images[2]
    maker.forget(index.manifests[1].to_json())
    result = packed(tmp_path, "--platform all oci:built:nginx:1.27", "oci:built:2.0")
    assert "lacks the manifest" in str(result.failed)
    assert list(carried(packed(tmp_path, "oci:built:nginx:1.27"))) == ["nginx:1.27"]


def test_what_fails_is_listed_so_that_it_is_found_again(tmp_path: Path, maker: Maker) -> None:
    index = maker.layout().images[2]
    maker.forget(index.manifests[1].to_json())
    result = packed(tmp_path, "--platform all oci:built", keep_going=True)
    assert list(carried(result)) == NAMES[:2]
    name = "docker.io/library/nginx:1.27"
    assert result.unfinished == [f"--platform all oci:{tmp_path}/built:nginx:1.27 as {name}"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert packed(elsewhere, *result.unfinished).failed.keys() == result.failed.keys()


def test_damaged_content_is_never_carried(tmp_path: Path, maker: Maker) -> None:
    blob = maker.folder / "blobs/sha256" / Digest.of(b"tag").hex
    blob.write_bytes(b"TAG")
    result = packed(tmp_path, "oci:built", keep_going=True)
    assert list(carried(result)) == [NAMES[0], NAMES[2]]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("oci:absent", "is missing|does not exist"),
        ("docker-archive:absent.tar:x", "does not exist"),
        ("oci:built:3.0", "has no image '3.0'"),
        ("oci:built as app", "has 3 images, and one name is given"),
        ("oci-archive:none.tar", "holds no images"),
        ("bundle:none.tar", "is not an airgap bundle"),
    ],
)
def test_places_that_have_no_such_image(tmp_path: Path, maker: Maker, line: str, why: str) -> None:
    (tmp_path / "none.tar").write_bytes(archives.tar({"a": b""}))
    with pytest.raises(InputError, match=why) as caught:
        packed(tmp_path, line, "oci:nowhere")
    assert caught.value.message.count("\n") == 1, "all places are told"
    assert caught.value.hint


def test_two_images_with_one_name(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "built")
    maker.image(b"a", name="app:1")
    maker.image(b"b", name="app:1")
    maker.layout()
    with pytest.raises(InputError, match="has two images app:1") as caught:
        packed(tmp_path, "oci:built")
    assert "sha256:" in caught.value.hint
    with pytest.raises(InputError, match="has several images 'app:1'"):
        packed(tmp_path, "oci:built:app:1")
