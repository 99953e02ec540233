"""The first block of the README, on a Debian that has nothing but what the block itself brings.

The root is made by debootstrap in its smallest form, its shell is fresh. What leads this machine
into the internet (names, the CAs of a proxy, pip's settings) is put in, and nothing else.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import REPO, run
from tests.e2e.roots import debian
from tests.e2e.test_readme import BLOCKS, FRESH

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
WAY_OUT = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/apt/apt.conf.d")
AUTHORITIES, THERE = Path("/etc/ssl/certs/ca-certificates.crt"), "etc/way-out.pem"
PASSED = ("http_proxy", "https_proxy", "no_proxy", "pip_index_url", "pip_default_timeout")


class Newcomer:
    """Somebody with a fresh Debian, a clean clone, and a root's shell."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in WAY_OUT:
            given, place = Path(name), root / name.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if given.is_dir():
                shutil.copytree(given, place, dirs_exist_ok=True)
            elif given.exists():
                shutil.copy(given, place)
        shutil.copy(AUTHORITIES, root / THERE)  # pip's own list lacks those of a proxy
        checkout = root / "root/airgap"
        checkout.mkdir()
        tracked = "git ls-files -z | tar --null -cT - | tar -xC"
        run("bash", "-euo", "pipefail", "-c", f'{tracked} "$0"', checkout, cwd=REPO)

    def follow(self, script: str) -> str:
        kept = [f"{k}={v}" for k, v in os.environ.items() if k.lower() in PASSED]
        way = [*kept, f"PIP_CERT=/{THERE}"]
        bare = ["env", "-i", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *way]
        inside = ["bash", "-euo", "pipefail", "-c", f"cd /root/airgap\n{script}"]
        return run(*bare, "chroot", self.root, *inside, timeout=1200).stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    root = tmp_path_factory.mktemp("fresh") / "root"
    with debian("bookworm", root):
        yield Newcomer(root)


def test_the_first_block_works_with_nothing_but_what_it_names(newcomer: Newcomer) -> None:
    assert not list(newcomer.root.glob("usr/bin/python*")), "the root is bare"
    where, script = BLOCKS[0]
    assert where == FRESH
    said = newcomer.follow(script)
    assert "airgap 0." in said
    assert "byte for byte: every digest is as it was" in said
    assert (newcomer.root / "root/airgap/demo.tar").stat().st_size > 1000


def test_the_documentation_is_there_without_a_network(newcomer: Newcomer) -> None:
    alone = "unshare --net -- .venv/bin/airgap help"
    assert "Release engineer" in newcomer.follow(alone)
    assert "docker is not on PATH" in newcomer.follow(f"{alone} errors docker is not on PATH")
