"""Archives that real programs write: skopeo and podman, in every form that they know."""

import gzip
import json
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.oci.platform import Platform
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.progress import Silent
from airgap.sources.choose import choose
from airgap.spec.image_list import parse_list
from airgap.spec.spec import Spec
from tests.support import archives
from tests.support.images import Maker
from tests.support.shelf import Shelf


def run(folder: Path, *words: str) -> None:
    if not shutil.which(words[0]):
        pytest.fail(f"{words[0]} is missing: run scripts/lab build")
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an image, and let the programs write it in each of their forms."""
    folder = tmp_path_factory.mktemp("archives")
    maker = Maker(folder / "built")
    maker.runnable(*archives.layer_tars(), name="docker.io/shop/app:1")
    maker.layout()
    index = json.loads((folder / "built/index.json").read_text())
    index["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (folder / "built/index.json").write_text(json.dumps(index))
    for form in ("docker-archive:d.tar:shop/app:1", "oci-archive:o.tar:shop/app:1", "oci:o:v1"):
        run(folder, "skopeo", "--insecure-policy", "copy", "oci:built:v1", form)
    store = ("--root", "root", "--runroot", "run", "--storage-driver", "vfs")
    run(folder, "podman", *store, "load", "-i", "d.tar")
    for form in ("docker-archive", "oci-archive"):
        name = f"podman-{form}.tar"
        run(folder, "podman", *store, "save", "--format", form, "-o", name, "shop/app:1")
    (folder / "d.tar.gz").write_bytes(gzip.compress((folder / "d.tar").read_bytes()))
    return folder


def packed(folder: Path, line: str, bundle: Path) -> str:
    """Pack one line, prove the bundle, and return the digest of its one image."""
    spec = Spec(parse_list(line, "l.txt", folder), platforms=(Platform("linux", "amd64"),))
    with ExitStack() as stack:
        listed, source = choose(spec.images, Shelf(), stack)
        result = pack(Request(spec, listed, bundle), source, Silent())
    assert result.error is None
    with Bundle.open(bundle) as found:
        found.verify()
        (image,) = found.images
        assert [str(p) for p in image.platforms] == ["linux/amd64"]
        return str(image.root.digest)


def test_a_manifest_keeps_its_digest(folder: Path, tmp_path: Path) -> None:
    lines = ("oci:built:v1 as app", "oci:o as app", "oci-archive:o.tar as app")
    assert len({packed(folder, line, tmp_path / "b.tar") for line in lines}) == 1


def test_docker_s_form_gives_one_digest_whoever_wrote_it(folder: Path, tmp_path: Path) -> None:
    names = ("d.tar", "d.tar.gz", "podman-docker-archive.tar")
    found = {packed(folder, f"docker-archive:{name}", tmp_path / "b.tar") for name in names}
    assert len(found) == 1


def test_podman_s_own_form(folder: Path, tmp_path: Path) -> None:
    assert packed(folder, "oci-archive:podman-oci-archive.tar", tmp_path / "b.tar")


def test_what_was_packed_is_read_again(folder: Path, tmp_path: Path) -> None:
    packed(folder, "docker-archive:d.tar", tmp_path / "b.tar")
    source = "oci-archive:b.tar:docker.io/shop/app:1"
    run(tmp_path, "skopeo", "--insecure-policy", "copy", source, "dir:out")
    assert (tmp_path / "out/manifest.json").exists()
