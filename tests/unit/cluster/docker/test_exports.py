"""Images out of a daemon, against one in memory behind a real socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.cluster.docker.exports import Exports
from airgap.errors import ResourceError
from tests.support import dockerd
from tests.support.dockerd import Dockerd

NAME = "quay.io/shop/app:1"


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Dockerd]:
    with dockerd.running(tmp_path) as found:
        yield found


@pytest.fixture
def exports(docker: Dockerd, tmp_path: Path) -> Iterator[Exports]:
    """Return a connection that needs no docker program."""
    found = Exports.connect({"PATH": "", "DOCKER_HOST": f"unix://{tmp_path}/docker.sock"})
    yield found
    found.close()


def test_an_image_is_inspected_and_exported(docker: Dockerd, exports: Exports) -> None:
    docker.images[NAME] = "sha256:1"
    docker.inspected[NAME] = {"RepoDigests": ["x"]}
    docker.exports[NAME] = b"a tar" * 999
    assert exports.inspect("gone:1") is None
    assert exports.inspect(NAME) == {"Id": "sha256:1", "RepoDigests": ["x"]}
    assert b"".join(exports.export(NAME)) == b"a tar" * 999
    first = exports.export(NAME)
    next(first)
    first.close()
    assert b"".join(exports.export(NAME)) == b"a tar" * 999


def test_docker_s_own_words(docker: Dockerd, exports: Exports) -> None:
    docker.refuses[f"GET /images/{NAME}/get"] = (500, "no space left on device")
    with pytest.raises(ResourceError, match=r"does not export .*: .*no space left on device"):
        next(exports.export(NAME))
    docker.refuses[f"GET /images/{NAME}/json"] = (500, "it is broken")
    with pytest.raises(ResourceError, match="it is broken"):
        exports.inspect(NAME)


def test_docker_s_own_disk_is_asked_first(
    docker: Dockerd, exports: Exports, tmp_path: Path
) -> None:
    docker.info["DockerRootDir"] = str(tmp_path)
    exports.check_room(1 << 60)  # no folder there that docker could stage in
    (tmp_path / "tmp").mkdir()
    exports.check_room(1)
    with pytest.raises(ResourceError, match=r"stages an image of .* in .*/tmp, and .* are free"):
        exports.check_room(1 << 60)


@pytest.mark.parametrize(
    "info",
    [
        {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]},
        {"BuildahVersion": "1.28"},
    ],
)
def test_who_stages_elsewhere_is_not_asked(
    docker: Dockerd, exports: Exports, tmp_path: Path, info: dockerd.Json
) -> None:
    (tmp_path / "tmp").mkdir()
    docker.info |= {"DockerRootDir": str(tmp_path)} | info
    exports.check_room(1 << 60)
