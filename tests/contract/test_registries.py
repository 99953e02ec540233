"""What a Source and a Target promise, against both registries, in every way they are run."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airgap.errors import InputError
from airgap.oci.digest import Digest
from airgap.oci.image import flattened
from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.layout import Layout
from airgap.sources.registry import RegistrySource
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from tests.support.images import Maker
from tests.support.registries import KINDS, PASSWORD, USER, Registry, registry

MIB = 1 << 20


@pytest.fixture(params=KINDS)
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    with registry(request.param, tmp_path / "registry") as found:
        yield found


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "layout")


@pytest.fixture
def layout(maker: Maker) -> Layout:
    base = maker.bytes(3 * MIB)
    maker.image(base, maker.bytes(MIB), name="docker.io/library/nginx:1.27")
    amd = maker.image(base, maker.bytes(1000))
    arm = maker.image(base, maker.bytes(1000), architecture="arm64")
    maker.index("quay.io/org/app:1", amd64=amd, arm64=arm)
    maker.image(b"", name="ghcr.io/org/empty:1")
    return maker.layout()


def options(found: Registry, **more: Any) -> Options:
    mirrors = {
        host: f"{found.address}/{host}" for host in ("docker.io", "quay.io", "ghcr.io")
    }  # the full names are what a push makes
    return Options(mirrors=mirrors, ca_pem=found.ca_pem, tries=2, **more)


def put(layout: Layout, found: Registry, **more: Any):  # type: ignore[no-untyped-def]
    with RegistryTarget(found.address, options(found, **more)) as target:
        return push(layout.images, layout, target, Silent(), short_names=True)


def check_same(layout: Layout, found: Registry, **more: Any) -> None:
    """Everything that was pushed comes back byte for byte."""
    with RegistrySource(options(found, **more)) as source:
        for image in layout.images:
            root, body = source.resolve(image.reference)
            assert root == image.root
            assert body == layout.manifest_bytes(root.digest)
            for manifest in image.manifests:
                assert source.manifest(image.reference, manifest) == layout.manifest_bytes(
                    manifest.digest
                )
            for blob in image.blobs:
                content = bytearray()
                source.fetch(image.reference, blob, content.extend)
                assert Digest.of(bytes(content)) == blob.digest


def test_what_is_pushed_is_pulled(layout: Layout, plain: Registry) -> None:
    report = put(layout, plain)
    blobs = {blob.digest for image in layout.images for blob in image.blobs}
    assert report.uploaded == len(blobs), "each blob is uploaded once"
    assert report.mounted > 0
    check_same(layout, plain)


def test_the_short_names_serve_the_same(layout: Layout, plain: Registry) -> None:
    put(layout, plain)
    with RegistrySource(Options()) as source:
        for name in ("nginx:1.27", "org/app:1", "org/empty:1"):
            root, _ = source.resolve(Reference.parse(f"{plain.address}/{name}"))
            assert root.digest in {image.root.digest for image in layout.images}


def test_a_second_push_sends_nothing(layout: Layout, plain: Registry) -> None:
    put(layout, plain)
    again = put(layout, plain)
    assert (again.uploaded, again.mounted, again.tags, again.complete) == (0, 0, [], 3)


def test_a_short_tag_with_another_digest_is_not_moved(
    layout: Layout, plain: Registry, tmp_path: Path
) -> None:
    put(layout, plain)
    other = Maker(tmp_path / "other", seed=2)
    other.image(other.bytes(10), name="docker.io/library/nginx:1.27")
    report = put(other.layout(), plain)
    assert report.left_alone == ["nginx:1.27"]
    assert report.tags == ["docker.io/library/nginx:1.27"]


@pytest.mark.parametrize("kind", KINDS)
def test_tls_and_basic_auth(
    layout: Layout, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with registry(kind, tmp_path / "registry", tls=True, password=True) as found:
        config = tmp_path / "config.json"
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        config.write_text(json.dumps({"auths": {found.address: {"auth": auth}}}))
        put(layout, found, docker_config=config)
        check_same(layout, found, docker_config=config)
        with pytest.raises(InputError, match="denies access") as caught:
            put(layout, found)
        assert f"docker login {found.address}" in caught.value.hint
        config.write_text(json.dumps({"auths": {found.address: {"auth": "eDp5"}}}))
        with pytest.raises(InputError, match="refuses the credentials"):
            check_same(layout, found, docker_config=config)


def test_a_missing_image_is_named(plain: Registry) -> None:
    with RegistrySource(options(plain)) as source:
        with pytest.raises(InputError, match=r"gone:1 does not exist at 127\.0\.0\.1"):
            source.resolve(Reference.parse("gone:1"))
        assert not source.has_blob(Reference.parse("gone:1"), _blob("sha256:" + "0" * 64))


def _blob(digest: str):  # type: ignore[no-untyped-def]
    from airgap.oci.manifest import Descriptor

    return Descriptor("x/y", Digest.parse(digest), 1)


def test_a_read_only_registry_says_so(layout: Layout, tmp_path: Path) -> None:
    settings = {"storage": {"maintenance": {"readonly": {"enabled": True}}}}
    with (
        registry("docker-registry", tmp_path / "registry", settings=settings) as found,
        pytest.raises(InputError, match="is read-only"),
    ):
        put(layout, found)


@pytest.fixture
def sparse(maker: Maker) -> Layout:
    amd, arm = maker.image(b"amd"), maker.image(b"arm", architecture="arm64")
    maker.index("quay.io/org/app:1", amd64=amd, arm64=arm)
    maker.forget(arm)
    return maker.layout()


def test_a_sparse_index_lands_where_it_is_accepted(sparse: Layout, tmp_path: Path) -> None:
    settings = {"validation": {"manifests": {"indexes": {"platforms": "none"}}}}
    with registry("distribution", tmp_path / "registry", settings=settings) as found:
        put(sparse, found)
        check_same(sparse, found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flattened_image_lands_anywhere(sparse: Layout, kind: str, tmp_path: Path) -> None:
    images = [flattened(i, lambda d: sparse.manifest_bytes(d.digest)) for i in sparse.images]
    with registry(kind, tmp_path / "registry") as found:
        for complete in (0, 1):
            with RegistryTarget(found.address, options(found)) as target:
                assert push(images, sparse, target, Silent()).complete == complete
        with RegistrySource(options(found)) as source:
            root, _ = source.resolve(Reference.parse("quay.io/org/app:1"))
            assert root == images[0].root
            assert root.digest == sparse.images[0].manifests[0].digest


@pytest.mark.parametrize("kind", KINDS)
def test_a_sparse_index_that_is_refused_is_named(sparse: Layout, kind: str, tmp_path: Path) -> None:
    with registry(kind, tmp_path / "registry") as found:
        with pytest.raises(InputError, match="takes no index without all its platforms") as caught:
            put(sparse, found)
        assert "quay.io/org/app" in caught.value.message
        assert "--platform all" in caught.value.hint
        assert "--flatten" in caught.value.hint
        with RegistrySource(options(found)) as source, pytest.raises(InputError, match="not exist"):
            source.resolve(Reference.parse("quay.io/org/app:1"))
