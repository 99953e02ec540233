"""airgap as one file, on every CPython that is here: pack, sign and verify without pip."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import AIRGAP, REPO, run
from tests.support.registries import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
NAME = "demo.example.org/hello:1"


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[str]:
    layout = tmp_path / "layout"
    run(sys.executable, REPO / "scripts/demo.d/make_images.py", layout)
    address = f"127.0.0.1:{free_port()}"
    command = [AIRGAP, "serve", layout, "--listen", address, "--plain-http", "-q"]
    with subprocess.Popen(command) as process:
        yield f"demo.example.org=http://{address}/demo.example.org"
        process.terminate()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_single_file(single_file: Path, upstream: str, tmp_path: Path, version: str) -> None:
    found = shutil.which(f"python{version}") or "false"
    python = run(found, "-c", "import sys; print(sys.executable)", check=False).stdout.strip()
    if not python:
        pytest.skip(f"there is no CPython {version} here")
    (tmp_path / "images.txt").write_text(f"{NAME}\n")
    (tmp_path / "home").mkdir()
    bare = ("env", "-i", f"HOME={tmp_path}/home", "PATH=/usr/bin:/bin", python, "-I", single_file)

    def airgap(*arguments: object) -> str:
        return run(*bare, *arguments, cwd=tmp_path).stdout

    assert airgap("--version").startswith("airgap ")
    for _ in range(50):  # the upstream may still be starting
        options = ("-o", "b.tar", "--images-only", "--registry-mirror", upstream)
        done = run(*bare, "pack", "images.txt", *options, cwd=tmp_path, check=False)
        if done.returncode == 0:
            break
        time.sleep(0.1)
    airgap("keygen", "k")
    airgap("sign", "b.tar", "--key", "k.key")
    assert "signature  holds" in airgap("verify", "b.tar", "--key", "k.pub")
    assert NAME in airgap("inspect", "b.tar")
