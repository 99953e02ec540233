"""Each source into each target: a manifest that there was is the same, byte for byte."""

import gzip
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from airgap.bundle.reader import Bundle
from airgap.oci.descriptor import INDEX_TYPES, MANIFEST_TYPES
from airgap.oci.image import Image
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.choose import choose
from airgap.sources.docker_daemon import DaemonImages
from airgap.sources.registry import RegistrySource
from airgap.spec.image_list import parse_list
from airgap.spec.spec import Spec
from tests.contract.landing import TARGETS, landed
from tests.contract.suite import put
from tests.support import archives
from tests.support.daemon import Daemon
from tests.support.images import Maker
from tests.support.registries import OLAREG, registry

NAME = "quay.io/org/app:1"
LINES = {
    "olareg": f"docker://{NAME}",
    "distribution": f"docker://{NAME}",
    "layout": f"oci:made:{NAME}",
    "archive": f"oci-archive:made.tar:{NAME}",
    "gzipped": f"oci-archive:made.tar.gz:{NAME}",
    "daemon": "docker-daemon:built:1",
    "bundle": f"bundle:old.tar:{NAME}",
    "docker-archive": "docker-archive:saved.tar",
}
ACCEPT = {"Accept": ", ".join(INDEX_TYPES + MANIFEST_TYPES)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Make one image of two platforms, in all forms that lie on a machine."""
    folder = tmp_path_factory.mktemp("sources")
    maker = Maker(folder / "made")
    children = {n: maker.image(maker.bytes(5000), architecture=n) for n in ("amd64", "arm64")}
    maker.index(NAME, **children)
    maker.layout()
    data = archives.of_folder(maker.folder)
    (folder / "made.tar").write_bytes(data)
    (folder / "made.tar.gz").write_bytes(gzip.compress(data))
    (folder / "saved.tar").write_bytes(archives.podman())
    packed(folder, "layout", LINES["layout"], "old.tar")
    return maker


def packed(folder: Path, source: str, line: str, name: str, address: str = "") -> Image:
    """Pack one line, and return its image."""
    daemon = Daemon()
    if source == "daemon":
        daemon.have("built:1", (folder / "made.tar").read_bytes())
    spec = Spec(parse_list(line, "l.txt", folder), all_platforms=True)
    options = Options(mirrors={"quay.io": f"{address}/quay.io"} if address else {}, tries=2)
    with ExitStack() as stack:
        there = stack.enter_context(RegistrySource(options))
        images = DaemonImages(lambda: daemon, there, Silent())
        listed, chosen = choose(spec.images, there, stack, there, images)
        result = pack(Request(spec, listed, folder / name), chosen, Silent())
    assert result.error is None
    (image,) = result.images
    return image


@pytest.fixture(scope="module", params=LINES)
def crossed(
    request: pytest.FixtureRequest, made: Maker, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Image]:
    """Pack from one source, and return the bundle and its image."""
    source, folder = request.param, made.folder.parent
    line = f"{LINES[source]} as shop/app:1"
    if source in (OLAREG, "distribution"):
        with registry(source, tmp_path_factory.mktemp(source)) as there:
            put(made.layout(), there)
            image = packed(folder, source, line, f"{source}.tar", there.address)
    else:
        image = packed(folder, source, line, f"{source}.tar")
    if source != "docker-archive":
        (root,) = {one.root.digest for one in made.layout().images}
        assert image.root.digest == root
        assert len(image.manifests) == 3
    return folder / f"{source}.tar", image


@pytest.mark.parametrize("target", TARGETS)
def test_manifests_are_the_same_byte_for_byte(
    crossed: tuple[Path, Image], made: Maker, target: str, tmp_path: Path
) -> None:
    path, image = crossed
    with landed(path, target, tmp_path) as address, Bundle.open(path) as bundle:
        where = f"http://{address}/v2/docker.io/shop/app/manifests"
        root = httpx.get(f"{where}/1", headers=ACCEPT)
        assert root.content == bundle.manifest_bytes(image.root.digest)
        for manifest in image.manifests:
            found = httpx.get(f"{where}/{manifest.digest}", headers=ACCEPT)
            assert found.headers["content-type"] == manifest.media_type
            assert found.content == bundle.manifest_bytes(manifest.digest)
            if "docker-archive" not in path.name:
                assert found.content == made.layout().manifest_bytes(manifest.digest)
