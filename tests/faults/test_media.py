"""Real media of other systems, by FUSE: they keep no modes, no owners, and few of them locks."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airgap.progress import Silent
from tests.faults.conftest import MIB, Ended
from tests.support.images import Stock
from tests.support.killed import run as pack_here
from tests.support.registry import MemoryRegistry

REPO = Path(__file__).parents[2]
OWNER = 1000  # of all files, whoever makes them
TIMES = 10


def exfat(image: Path, place: Path) -> Callable[[], None]:
    """Mount one whose files all belong to somebody; its program wants a block device."""
    _do("mkfs.exfat", image)
    device = _do("losetup", "--find", "--show", image).strip()
    _do("mount.exfat-fuse", "-o", f"uid={OWNER},gid={OWNER}", device, place)

    def leave() -> None:
        _do("umount", place)
        _do("losetup", "--detach", device)

    return leave


def ntfs(image: Path, place: Path) -> Callable[[], None]:
    """Mount one on which anybody may do all."""
    _do("mkntfs", "--quick", "--force", "--quiet", image)
    _do("ntfs-3g", image, place)

    def leave() -> None:
        _do("umount", place)

    return leave


def _do(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(
    params=[
        pytest.param(exfat, id="exFAT", marks=pytest.mark.needs("mount.exfat-fuse")),
        pytest.param(ntfs, id="NTFS", marks=pytest.mark.needs("ntfs-3g")),
    ]
)
def medium(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() or not Path("/dev/fuse").exists():
        pytest.skip("needs root and FUSE")
    image, place = tmp_path / "image", tmp_path / "stick"
    with image.open("wb") as file:
        file.truncate(96 * MIB)
    place.mkdir()
    leave = request.param(image, place)
    yield place
    leave()


class Shop:
    """A registry with an image of two layers, and airgap as its users run it."""

    def __init__(self, registry: MemoryRegistry, folder: Path) -> None:
        self.registry, self.folder = registry, folder
        Stock(registry, "org/app").image(os.urandom(6 * MIB), b"small", name="1")
        self.reference = f"{registry.address}/org/app:1"
        (folder / "images.txt").write_text(f"{self.reference}\n")

    def run(self, *arguments: object) -> Ended:
        words = [str(Path(sys.executable).with_name("airgap")), *map(str, arguments)]
        environment = os.environ | {"DOCKER_CONFIG": str(self.folder), "NO_COLOR": "1"}
        done = subprocess.run(
            words, cwd=REPO, env=environment, capture_output=True, text=True, check=False
        )
        assert "a fault in airgap" not in done.stderr
        return Ended(done.returncode, done.stdout, done.stderr)

    def pack(self, bundle: Path) -> Ended:
        plain = ("--insecure-registry", self.registry.address)
        listed = self.folder / "images.txt"
        return self.run("pack", listed, "-o", bundle, "--images-only", "--json", *plain)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with MemoryRegistry() as registry:
        yield Shop(registry, tmp_path)


def test_a_bundle_lives_on_it(shop: Shop, medium: Path, tmp_path: Path) -> None:
    bundle, key = medium / "b.tar", tmp_path / "release.key"
    first = shop.pack(bundle)
    assert first.code == 0, first.err
    bytes_before = bundle.read_bytes()
    again = shop.pack(bundle)
    assert json.loads(again.out)["fetched"] == 0
    assert bundle.read_bytes() == bytes_before
    assert shop.run("keygen", key.with_suffix("")).code == 0
    assert shop.run("sign", bundle, "--key", key).code == 0
    assert shop.run("verify", bundle, "--key", key.with_suffix(".pub")).code == 0
    assert shop.run("inspect", bundle, "--json").code == 0
    address = shop.registry.address
    pushed = shop.run("push", bundle, f"{address}/far", "--insecure-registry", address)
    assert pushed.code == 0, pushed.err
    assert sorted(path.name for path in medium.iterdir() if path.name[0] != ".") == ["b.tar"]


def test_a_secret_key_is_refused_where_all_could_read_it(shop: Shop, medium: Path) -> None:
    made = shop.run("keygen", medium / "release")
    assert made.code == 6
    assert "this medium keeps no modes of files" in made.err
    assert not (medium / "release.key").exists()
    assert shop.run("keygen", medium / "release", "--force").code == 0


def test_killed_at_ten_moments_it_goes_on(shop: Shop, medium: Path, tmp_path: Path) -> None:
    bundle = medium / "b.tar"
    subprocess.run(
        [sys.executable, "-m", "tests.support.killed", shop.reference, bundle, str(TIMES), "3"],
        cwd=REPO, env=os.environ | {"PYTHONPATH": str(REPO)}, check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    pack_here(shop.reference, bundle, Silent())
    whole = pack_here(shop.reference, tmp_path / "whole.tar", Silent())
    assert bundle.read_bytes() == whole.path.read_bytes()
    shutil.rmtree(medium / "System Volume Information", ignore_errors=True)
    assert [path.name for path in medium.iterdir()] == ["b.tar"]
