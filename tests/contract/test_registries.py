"""What a Source and a Target promise, against real registries, in every way they are run."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.flatten import flattened
from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.sources.layout import Layout
from airgap.sources.registry import RegistrySource
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from tests.contract.suite import Contract, check_same, options, put
from tests.support.images import Maker
from tests.support.registries import KINDS, OLAREG, PASSWORD, USER, Registry, registry


class TestContract(Contract):
    @pytest.fixture(params=[*KINDS, OLAREG])
    def plain(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
        with registry(request.param, tmp_path / "registry") as found:
            yield found


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "layout")


@pytest.fixture
def layout(maker: Maker) -> Layout:
    base = maker.bytes(1000)
    maker.image(base, maker.bytes(1000), name="docker.io/library/nginx:1.27")
    maker.image(base, name="ghcr.io/org/small:1")
    return maker.layout()


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
