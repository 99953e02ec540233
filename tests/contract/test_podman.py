"""Images out of a real podman, by its docker socket."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.cluster.docker.exports import Exports
from airgap.oci.image import Image
from airgap.oci.platform import Platform
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.choose import choose
from airgap.sources.docker_daemon import DaemonImages
from airgap.sources.registry import RegistrySource
from airgap.spec.image_list import parse_list
from airgap.spec.spec import Spec
from tests.support import archives

NAME = "localhost/shop/app:1"


@pytest.fixture(scope="module")
def podman() -> Iterator[str]:
    """Run podman's service with one image; yields where it listens."""
    if not shutil.which("podman"):
        pytest.fail("podman is missing: run scripts/lab build")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        store = ("--root", "root", "--runroot", "run", "--storage-driver", "vfs")
        program = ("podman", *store)
        Path(folder, "d.tar").write_bytes(archives.podman(NAME))
        subprocess.run(
            [*program, "load", "-i", "d.tar"], cwd=folder, check=True, capture_output=True
        )
        path = Path(folder, "podman.sock")
        with subprocess.Popen(
            [*program, "system", "service", "--time", "0", f"unix://{path}"], cwd=folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as service:  # fmt: skip
            while not path.exists():
                assert service.poll() is None, "podman does not serve"
                time.sleep(0.05)
            yield f"unix://{path}"
            service.terminate()


def packed(podman: str, folder: Path, line: str) -> Image:
    spec = Spec(parse_list(line, "l.txt", folder), platforms=(Platform("linux", "amd64"),))
    with ExitStack() as stack:
        daemon = Exports.connect({"PATH": "", "DOCKER_HOST": podman})
        stack.callback(daemon.close)
        there = stack.enter_context(RegistrySource(Options(tries=1)))
        images = DaemonImages(lambda: daemon, there, Silent())
        listed, source = choose(spec.images, there, stack, there, images)
        result = pack(Request(spec, listed, folder / "b.tar"), source, Silent())
    assert result.error is None
    with Bundle.open(folder / "b.tar") as bundle:
        bundle.verify()
        (image,) = bundle.images
    return image


@pytest.mark.parametrize("name", [NAME, "shop/app:1"], ids=["whole", "short"])
def test_an_image_of_podman(podman: str, tmp_path: Path, name: str) -> None:
    image = packed(podman, tmp_path, f"docker-daemon:{name} as shop/app:2")
    assert packed(podman, tmp_path, f"docker-daemon:{name} as shop/app:2") == image
    digests = [blob.digest.hex for blob in image.blobs[1:]]
    assert digests == [archives.sha(data) for data in archives.layer_tars()]


def test_an_image_by_its_id(podman: str, tmp_path: Path) -> None:
    by_name = packed(podman, tmp_path, f"docker-daemon:{NAME} as shop/app:2")
    config = by_name.images[0].config.digest
    assert packed(podman, tmp_path, f"docker-daemon:{config} as shop/app:2") == by_name
    assert packed(podman, tmp_path, f"docker-daemon:{config.hex[:12]} as shop/app:2") == by_name
