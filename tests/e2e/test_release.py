"""airgap as one file, on every CPython that is here: pack, sign and verify without pip."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import AIRGAP, REPO, run
from tests.support.registries import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
WHO = "import sys; print(*sys.version_info[:2], sep='.', end=' '); print(sys.executable)"
NAME = "demo.example.org/hello:1"


def pythons() -> list[str]:
    """Return every CPython that is here and that airgap is for; this one is the first."""
    wanted = [sys.executable, *(shutil.which(f"python3.{minor}") for minor in range(11, 15))]
    asked = [run(path, "-c", WHO, check=False).stdout.split() for path in wanted if path]
    return list(dict(reversed([a for a in asked if a])).values())


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[str]:
    layout = tmp_path / "layout"
    run(sys.executable, REPO / "scripts/demo.d/make_images.py", layout)
    address = f"127.0.0.1:{free_port()}"
    command = [AIRGAP, "serve", layout, "--listen", address, "--plain-http", "-q"]
    with subprocess.Popen(command) as process:
        yield f"demo.example.org=http://{address}/demo.example.org"
        process.terminate()


@pytest.mark.parametrize("python", pythons())
def test_the_single_file(single_file: Path, upstream: str, tmp_path: Path, python: str) -> None:
    (tmp_path / "images.txt").write_text(f"{NAME}\n")
    (tmp_path / "home").mkdir()
    bare = ("env", "-i", f"HOME={tmp_path}/home", "PATH=/usr/bin:/bin", python, "-I", single_file)

    def airgap(*arguments: object) -> str:
        return run(*bare, *arguments, cwd=tmp_path).stdout

    assert airgap("--version").startswith("airgap ")
    # The upstream may still be starting: pack itself tries again.
    airgap("pack", "images.txt", "-o", "b.tar", "--images-only", "--registry-mirror", upstream)
    airgap("keygen", "k")
    airgap("sign", "b.tar", "--key", "k.key")
    assert "signature  holds" in airgap("verify", "b.tar", "--key", "k.pub")
    assert NAME in airgap("inspect", "b.tar")
