"""Images out of the real docker daemon of the isolated host, whatever store it has."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from airgap.bundle.reader import Bundle
from airgap.oci.image import Image
from tests.e2e.conftest import AIRGAP, Lab, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LOADED, BUILT = "busybox:1.36", "shop/built:1"


@pytest.fixture(scope="module")
def loaded(lab: Lab, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Have one image that the daemon loaded, and one that it made itself of two layers."""
    folder = tmp_path_factory.mktemp("built")
    path = folder / "load.tar"
    run(AIRGAP, "export", bundle, LOADED, "-o", path)
    lab.docker("load", "-i", path)
    (folder / "made").mkdir()
    (folder / "made/file").write_bytes(os.urandom(3 << 20))
    made = lab.docker("create", LOADED, "true").strip()
    lab.docker("cp", folder / "made/file", f"{made}:/file")
    lab.docker("commit", made, BUILT)
    lab.docker("rm", made)
    return lab


def inspected(lab: Lab, name: str) -> dict[str, Any]:
    (found,) = json.loads(lab.docker("image", "inspect", name))
    about: dict[str, Any] = found
    return about


def packed(lab: Lab, folder: Path, lines: str, *more: object) -> tuple[dict[str, Image], str]:
    """Pack on the connected side, with the daemon of the isolated host in reach."""
    (folder / "images.txt").write_text(lines)
    environment = lab.connected_env | {"DOCKER_HOST": lab.env["docker_host"]}
    arguments = [folder / "images.txt", "-o", folder / "b.tar", "--images-only", *more]
    said = run(AIRGAP, "pack", *arguments, *lab.mirrors, env=environment).stderr
    with Bundle.open(folder / "b.tar") as found:
        found.verify()
        return {image.reference.familiar: image for image in found.images}, said


def is_same(lab: Lab, name: str, image: Image) -> bool:
    """Tell whether docker's id of an image is the root's digest, or its config's."""
    config = image.images[0].config.digest
    return inspected(lab, name)["Id"] in (str(image.root.digest), str(config))


def test_what_only_the_daemon_has_crosses(loaded: Lab, tmp_path: Path) -> None:
    lines = f"docker-daemon:{BUILT} as shop/built:2\n"
    images, said = packed(loaded, tmp_path, lines)
    image = images["shop/built:2"]
    assert f"docker-daemon:{BUILT} comes from the daemon" in said
    assert is_same(loaded, BUILT, image)
    first = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").unlink()
    assert packed(loaded, tmp_path, lines)[0] == images
    assert (tmp_path / "b.tar").read_bytes() == first, "the same bytes in each run"
    again = run(AIRGAP, "export", tmp_path / "b.tar", "-o", tmp_path / "back.tar")
    assert again.returncode == 0
    loaded.docker("load", "-i", tmp_path / "back.tar")
    assert is_same(loaded, "shop/built:2", image)
    words = loaded.docker("run", "--rm", "--network", "none", "shop/built:2", "ls", "-l", "/file")
    assert str(3 << 20) in words


def test_the_original_is_taken_where_its_registry_has_it(loaded: Lab, tmp_path: Path) -> None:
    """The containerd store knows what it loaded by its digest, and so does the registry."""
    images, said = packed(loaded, tmp_path, f"docker-daemon:{LOADED}\n", "-v")
    digest = str(images[LOADED].root.digest)
    known = [text.partition("@")[2] for text in inspected(loaded, LOADED)["RepoDigests"]]
    if known:
        assert known == [digest]
        assert "comes from there" in said
    else:
        assert "comes from the daemon" in said
        assert is_same(loaded, LOADED, images[LOADED])


def test_an_image_that_the_daemon_lacks(loaded: Lab, tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text(f"docker-daemon:gone:1\ndocker-daemon:{BUILT}\n")
    environment = loaded.connected_env | {"DOCKER_HOST": loaded.env["docker_host"]}
    arguments = (tmp_path / "l.txt", "-o", tmp_path / "b.tar", "--images-only", "--keep-going")
    done = run(AIRGAP, "pack", *arguments, *loaded.mirrors, env=environment)
    assert "left out gone:1: docker-daemon:gone:1: the docker daemon has no such" in done.stderr
