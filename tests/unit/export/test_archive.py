"""The archive that importers without a registry take whole."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.export.archive import plan
from airgap.oci import descriptor as d
from airgap.oci.choice import Choice
from airgap.oci.digest import Digest
from airgap.oci.image import Image, walk
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.sources.layout import Layout
from tests.support.images import Maker

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def walked(layout: Layout, root: dict, name: str, *platforms: Platform) -> Image:
    descriptor = d.Descriptor.from_json(root, name)
    load = lambda found: layout.manifest_bytes(found.digest)  # noqa: E731
    return walk(Reference.parse(name), descriptor, load, Choice(name, platforms))


def opened(archive_bytes: bytes) -> tuple[tarfile.TarFile, dict, list]:
    file = tarfile.open(fileobj=io.BytesIO(archive_bytes))  # noqa: SIM115  (in memory)
    index = json.load(file.extractfile("index.json"))
    docker = json.load(file.extractfile("manifest.json"))
    return file, index, docker


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "layout")


def test_an_index_leaves_one_platform_and_nothing_that_it_does_not_hold(maker: Maker) -> None:
    shared = maker.bytes(3000)
    amd64 = maker.image(shared, maker.bytes(700))
    arm64 = maker.image(shared, architecture="arm64")
    root = maker.index("docker.io/library/app:1", amd64=amd64, arm64=arm64)
    layout = maker.layout()
    image = walked(layout, root, "app:1")

    archive = plan([image], layout, AMD64)
    data = b"".join(bytes(chunk) for chunk in archive.write(layout))

    assert len(data) == archive.size
    file, index, docker = opened(data)
    assert {entry["digest"] for entry in index["manifests"]} == {amd64["digest"]}
    names = [entry["annotations"]["io.containerd.image.name"] for entry in index["manifests"]]
    name = "docker.io/library/app"
    assert names == [f"{name}:1", f"{name}@{amd64['digest']}"]
    assert docker[0]["RepoTags"] == ["docker.io/library/app:1"]
    for member in file.getmembers():
        if member.name.startswith("blobs/"):
            digest = Digest.of(file.extractfile(member).read())
            assert member.name == f"blobs/sha256/{digest.hex}"
    held = {f"sha256:{name[13:]}" for name in file.getnames() if name.startswith("blobs/")}
    assert arm64["digest"] not in held
    assert root["digest"] not in held
    assert not archive.images[0].keeps_digest


def test_what_images_share_is_there_once_and_a_single_manifest_keeps_its_digest(
    maker: Maker,
) -> None:
    shared = maker.bytes(5000)
    one, two = maker.image(shared, maker.bytes(10)), maker.image(shared, maker.bytes(11))
    layout = maker.layout()
    images = [walked(layout, one, "one:1"), walked(layout, two, "two:1")]

    archive = plan(images, layout, None)
    file, index, docker = opened(b"".join(bytes(c) for c in archive.write(layout)))

    assert len(file.getnames()) == len(set(file.getnames())) == 3 + 2 + 1 + 3
    found = [entry["digest"] for entry in index["manifests"]]
    assert found == [one["digest"], one["digest"], two["digest"], two["digest"]]
    assert len(docker) == 2
    assert all(image.keeps_digest for image in archive.images)


def test_several_platforms_need_a_choice_and_all_such_images_are_named(maker: Maker) -> None:
    images = []
    amd64, arm64 = maker.image(maker.bytes(9)), maker.image(maker.bytes(8), architecture="arm64")
    root = maker.index("docker.io/library/a:1", amd64=amd64, arm64=arm64)
    layout = maker.layout()
    images = [walked(layout, root, "a:1"), walked(layout, root, "b:1")]

    with pytest.raises(InputError, match=r"a:1[\s\S]*b:1") as refused:
        plan(images, layout, None)
    assert "--platform" in refused.value.hint
    with pytest.raises(InputError, match="not there for linux/s390x"):
        plan(images[:1], layout, Platform("linux", "s390x"))
    assert plan(images, layout, ARM64).images[0].root.digest == Digest.parse(arm64["digest"])


def test_an_attestation_is_no_platform(maker: Maker) -> None:
    amd64 = maker.image(maker.bytes(9))
    unknown = {"platform": {"os": "unknown", "architecture": "unknown"}}
    root = maker.index("", maker.image(maker.bytes(5)) | unknown, amd64=amd64)
    layout = maker.layout()

    archive = plan([walked(layout, root, "app:1")], layout, None)

    assert [str(i.root.digest) for i in archive.images] == [amd64["digest"]]


def test_an_artifact_is_left_out_by_name_and_alone_it_is_an_error(maker: Maker) -> None:
    root = maker.artifact(
        maker.blob(b"{}", "application/vnd.cncf.helm.config.v1+json"),
        maker.blob(b"tgz", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
    )
    app = maker.image(maker.bytes(9))
    layout = maker.layout()
    found = walked(layout, root, "charts/app:1")

    archive = plan([walked(layout, app, "app:1"), found], layout, None)
    assert [str(name) for name in archive.artifacts] == ["docker.io/charts/app:1"]
    with pytest.raises(InputError, match=r"no image to export: docker\.io/charts/app:1"):
        plan([found], layout, None)


def test_content_that_is_not_there_is_named_before_a_byte_is_written(maker: Maker) -> None:
    layer = maker.bytes(99)
    app = maker.image(layer)
    layout = maker.layout()
    image = walked(layout, app, "app:1")
    maker.forget({"digest": str(Digest.of(layer))})

    with pytest.raises(InputError, match=r"app:1: sha256:[0-9a-f]{64} is not in the bundle"):
        plan([image], layout, None)


def test_a_name_by_digest_says_what_is_there(maker: Maker) -> None:
    amd64, arm64 = maker.image(maker.bytes(9)), maker.image(maker.bytes(8), architecture="arm64")
    root = maker.index("docker.io/library/a:1", amd64=amd64, arm64=arm64)
    layout = maker.layout()
    pinned = walked(layout, root, f"app@{root['digest']}")
    single = walked(layout, amd64, f"one@{amd64['digest']}")

    archive = plan([pinned, single], layout, AMD64)
    _, index, docker = opened(b"".join(bytes(c) for c in archive.write(layout)))

    assert docker == []
    names = [list(entry["annotations"].values()) for entry in index["manifests"]]
    repository = "docker.io/library"
    digest = amd64["digest"]
    assert names == [[f"{repository}/app@{digest}"], [f"{repository}/one@{digest}"]]
