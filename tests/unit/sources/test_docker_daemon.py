"""Images of a docker daemon by lines of a list, packed and read back."""

import hashlib
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import InputError, NetworkError, ResourceError
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.pack.result import Result
from airgap.sources.choose import choose
from airgap.sources.docker_daemon import DaemonImages
from airgap.spec.image_list import parse_list
from airgap.spec.spec import Spec
from tests.support import archives
from tests.support.daemon import Daemon
from tests.support.images import Maker
from tests.support.shelf import Shelf
from tests.unit.pack.conftest import Listener

APP = "shop/app:1"


class Registries(Shelf):
    """Images by name, which are also asked for by digest."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.down: set[str] = set()

    def has(self, reference: Reference) -> bool:
        self.asked.append(str(reference))
        if reference.host in self.down:
            raise NetworkError(f"{reference.host} does not answer")
        return reference.familiar in self.roots


@dataclass
class Place:
    """A daemon, registries, and a folder that is packed into."""

    folder: Path
    daemon: Daemon = field(default_factory=Daemon)
    registries: Registries = field(default_factory=Registries)
    listener: Listener = field(default_factory=Listener)

    def pack(self, *lines: str, **more: Any) -> Result:
        spec = Spec(
            parse_list("\n".join(lines), "l.txt", self.folder),
            platforms=(Platform("linux", "amd64"),),
        )
        with ExitStack() as stack:
            images = DaemonImages(lambda: self.daemon, self.registries, self.listener)
            listed, source = choose(spec.images, self.registries, stack, daemon=images)
            request = Request(spec, listed, self.folder / "b.tar", **more)
            return pack(request, source, self.listener)

    def carried(self, *lines: str) -> dict[str, Image]:
        result = self.pack(*lines)
        if result.error:
            raise result.error
        with Bundle.open(result.path) as bundle:
            bundle.verify()
            return {image.reference.familiar: image for image in bundle.images}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def saved(folder: Path, name: str = APP) -> tuple[bytes, str]:
    """Return what docker since 25 exports, and the digest of its root."""
    maker = Maker(folder)
    made = maker.image(maker.bytes(9 << 10), b"{looks like a text", name=name)
    maker.layout()
    return archives.of_folder(folder, listed=b"[]"), str(made["digest"])


@pytest.mark.parametrize("shape", ["docker before 25", "podman", "kaniko, crane"])
def test_what_older_docker_and_podman_export(place: Place, shape: str) -> None:
    data = archives.DOCKER[shape]()
    place.daemon.have(APP, data, Id="sha256:1")
    first = place.carried(f"docker-daemon:{APP}")
    assert list(first) == [APP]
    assert place.carried(f"docker-daemon:{APP}") == first, "the same digest in each run"
    # The digest of what is compressed is no file's name: a pass for each such layer.
    passes = 4 if shape == "kaniko, crane" else 2
    assert place.daemon.begun[:passes] == [APP] * passes
    assert "keeps layers uncompressed and no manifest" in place.listener.notes[0]


def test_what_docker_since_25_exports_takes_two_passes(place: Place) -> None:
    data, root = saved(place.folder / "made")
    place.daemon.have(APP, data, Id=root)
    found = place.carried(f"docker-daemon:{APP} as quay.io/shop/app:2")
    assert {name: str(image.root.digest) for name, image in found.items()} == {
        "quay.io/shop/app:2": root
    }
    assert place.daemon.begun == [APP, APP]
    assert f"no registry gives {root}" in place.listener.notes[0]


def test_what_is_there_already_is_not_exported_again(place: Place) -> None:
    data, root = saved(place.folder / "made")
    place.daemon.have(APP, data, Id=root)
    line = f"docker-daemon:{APP}"
    assert place.pack(line, "gone:1").error
    place.daemon.begun.clear()
    with ExitStack() as stack:
        place.carried(line)
        old = stack.enter_context(Bundle.open(place.folder / "b.tar"))
        assert place.pack(line, reuse=old).fetched == 0
    assert place.daemon.begun == [APP, APP], "once in each run, to look it up"


def test_an_index_of_which_one_child_is_there(place: Place) -> None:
    maker = Maker(place.folder / "made")
    arm = maker.image(b"arm", architecture="arm64")
    root = maker.index(APP, amd64=maker.image(b"amd"), arm64=arm)
    maker.forget(arm)
    maker.layout()
    place.daemon.have(APP, archives.of_folder(maker.folder), Id=root["digest"])
    (image,) = place.carried(f"docker-daemon:{APP}").values()
    assert str(image.root.digest) == root["digest"]
    assert [str(p) for p in image.platforms] == ["linux/amd64"]
    result = place.pack(f"--platform all docker-daemon:{APP}")
    assert "lacks the manifest" in str(result.error)


def test_the_original_comes_from_its_registry(place: Place) -> None:
    made = place.registries.image(b"layer", name="placeholder")
    original = f"quay.io/shop/app@{made['digest']}"
    place.registries.roots[original] = place.registries.roots.pop("placeholder")
    place.daemon.have(APP, b"", RepoDigests=["localhost/x@" + made["digest"], "?", original])
    (image,) = place.carried(f"docker-daemon:{APP}").values()
    assert image.reference.familiar == APP
    assert str(image.root.digest) == made["digest"]
    assert place.registries.asked == [original]
    assert place.daemon.begun == []


def test_a_name_with_a_digest_is_the_image_s_own(place: Place) -> None:
    data, root = saved(place.folder / "made")
    name = f"shop/app@{root}"
    place.daemon.have(name, data, Id=root)
    result = place.pack(f"docker-daemon:{name}", "docker-daemon:gone@" + root, keep_going=True)
    assert [image.reference.familiar for image in result.images] == [name]
    line = result.unfinished[0]
    assert line == f"--platform linux/amd64 docker-daemon:gone@{root}"
    assert place.pack(line).unfinished == [line], "it can be read again"


def test_an_original_s_own_name_is_no_new_one(place: Place) -> None:
    made = place.registries.image(b"layer", name="placeholder")
    original = f"quay.io/shop/app@{made['digest']}"
    place.registries.roots[original] = place.registries.roots.pop("placeholder")
    place.daemon.have(original, b"", RepoDigests=[original])
    assert list(place.carried(f"docker-daemon:{original}")) == [original]


def test_a_registry_that_does_not_answer_is_asked_once(place: Place) -> None:
    data, root = saved(place.folder / "made")
    place.registries.down.add("quay.io")
    digest = Digest.of(b"x")
    for name in (APP, "shop/app:2"):
        place.daemon.have(name, data, Id=root, RepoDigests=[f"quay.io/shop/app@{digest}"])
    found = place.carried(f"docker-daemon:{APP}", "docker-daemon:shop/app:2")
    assert len(found) == 2
    assert place.registries.asked == [f"quay.io/shop/app@{digest}"]


def test_what_is_not_there_fails_as_an_image(place: Place) -> None:
    data, root = saved(place.folder / "made")
    place.daemon.have(APP, data, Id=root)
    lines = (f"docker-daemon:{APP}", "docker-daemon:gone:1")
    assert "docker-daemon:gone:1: the docker daemon has no such image" in str(
        place.pack(*lines).error
    )
    result = place.pack(*lines, keep_going=True)
    assert not result.error
    assert [image.reference.familiar for image in result.images] == [APP]
    told = "--platform linux/amd64 docker-daemon:gone:1 as docker.io/library/gone:1"
    assert result.unfinished == [told]


@pytest.mark.parametrize("name", ["0123456789ab", f"sha256:{'a' * 64}"])
def test_an_image_by_its_id_has_to_be_named(place: Place, name: str) -> None:
    data, root = saved(place.folder / "made")
    place.daemon.have(name, data, Id=root)
    with pytest.raises(InputError, match="names an image by its id"):
        place.pack(f"docker-daemon:{name}")
    assert list(place.carried(f"docker-daemon:{name} as x:1")) == ["x:1"]


def test_no_room_for_what_docker_stages(place: Place) -> None:
    data, _ = saved(place.folder / "made")
    place.daemon.have(APP, data)
    place.daemon.room = 10
    with pytest.raises(ResourceError, match="no room"):
        place.pack(f"docker-daemon:{APP}")
    assert place.daemon.begun == []


def test_an_export_that_breaks_off(place: Place) -> None:
    data, root = saved(place.folder / "made")
    place.daemon.have(APP, data, Id=root)
    place.daemon.cut = len(data) // 2
    error = place.pack(f"docker-daemon:{APP}").error
    assert "docker-daemon:shop/app:1 broke off" in str(error)


def test_an_image_that_changes_between_the_passes(place: Place) -> None:
    data, root = saved(place.folder / "made")
    other, _ = saved(place.folder / "other")
    changed = other.replace(b"{looks like a text", b"{looks like A text")
    place.daemon.have(APP, data, Id=root)

    def export(name: str) -> Generator[bytes]:
        place.daemon.begun.append(name)
        yield data if len(place.daemon.begun) == 1 else changed

    place.daemon.export = export  # type: ignore[method-assign]
    error = place.pack(f"docker-daemon:{APP}").error
    assert f"expected sha256:{hashlib.sha256(b'{looks like a text').hexdigest()}" in str(error)


def test_several_images_where_one_is_meant(place: Place) -> None:
    maker = Maker(place.folder / "made")
    one = maker.image(b"one", name="a:1")
    maker.image(b"two", name="b:1")
    maker.layout()
    data = archives.of_folder(maker.folder)
    place.daemon.have(APP, data, Id=one["digest"])
    (image,) = place.carried(f"docker-daemon:{APP}").values()
    assert str(image.root.digest) == one["digest"]
    place.daemon.have(APP, data, Id="sha256:0")
    assert "exports 2 images" in str(place.pack(f"docker-daemon:{APP}").error)


@pytest.mark.parametrize("data", [archives.tar({"x": b"y"}), b"<html>" * 200, b""])
def test_what_is_no_image(place: Place, data: bytes) -> None:
    place.daemon.have(APP, data)
    assert "docker-daemon:shop/app:1" in str(place.pack(f"docker-daemon:{APP}").error)


def test_a_lock_holds_a_daemon_s_image(place: Place) -> None:
    data, root = saved(place.folder / "made")
    place.daemon.have(APP, data, Id=root)
    reference = Reference.parse(APP)
    line = f"docker-daemon:{APP}"
    assert place.pack(line).digests == {reference: Digest.parse(root)}
    assert not place.pack(line, lock={reference: Digest.parse(root)}).error
    error = place.pack(line, lock={reference: Digest.of(b"x")}).error
    assert error
    assert "--update takes up what is there now" in f"{error} {error.hint}"
