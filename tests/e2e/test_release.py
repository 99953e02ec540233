"""What scripts/release builds: airgap as one program on a host without Python, and the wheel.

The host is Debian 11 in its smallest form: glibc 2.31, and no Python.
"""

import os
import shutil
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from airgap.help.pages import pages
from airgap.help.text import inline
from tests.e2e.conftest import AIRGAP, REPO, run
from tests.e2e.roots import debian
from tests.support.registries import Registry, free_port, registry

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
NAME = "demo.example.org/hello:1"
MOST = 35 << 20  # bytes


class Host:
    """A root without Python, in which one program runs: ours."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, *arguments: object, program: str = "/airgap") -> list[str]:
        bare = ["env", "-i", "HOME=/nowhere", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        inside = ["chroot", str(self.root), "sh", "-c", 'cd /work && exec "$@"', "sh", program]
        return [*bare, *inside, *map(str, arguments)]

    def airgap(self, *arguments: object, program: str = "/airgap") -> str:
        return run(*self.command(*arguments, program=program)).stdout


@pytest.fixture(scope="module")
def host(single_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    root = tmp_path_factory.mktemp("host") / "root"
    with debian("bullseye", root):
        (root / "work").mkdir()
        shutil.copy(single_file, root / "airgap")
        yield Host(root)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry("distribution", tmp_path_factory.mktemp("target"), tls=True) as found:
        yield found


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    layout = tmp_path_factory.mktemp("upstream") / "layout"
    run(sys.executable, REPO / "scripts/demo.d/make_images.py", layout)
    address = f"127.0.0.1:{free_port()}"
    command = [AIRGAP, "serve", layout, "--listen", address, "--plain-http", "-q"]
    with subprocess.Popen(command) as process:
        yield f"demo.example.org=http://{address}/demo.example.org"
        process.terminate()


def test_it_is_one_small_program_with_its_licences(single_file: Path) -> None:
    assert single_file.stat().st_size <= MOST
    with zipfile.ZipFile(single_file) as archive:
        texts = {name.split("/")[1] for name in archive.namelist() if name.startswith("LICENSES/")}
    assert texts >= {"airgap_images", "python", "openssl", "zlib", "expat", "cryptography", "zig"}


def test_the_same_bytes_again(single_file: Path) -> None:
    before = single_file.read_bytes()
    run(REPO / "scripts/release", env=os.environ | {"TZ": "Asia/Tokyo"}, timeout=1500)
    assert single_file.read_bytes() == before


def test_the_whole_job_without_python(host: Host, upstream: str, target: Registry) -> None:
    assert not list(host.root.glob("usr/bin/python*"))
    assert host.airgap("--version").startswith("airgap ")
    work = host.root / "work"
    (work / "images.txt").write_text(f"{NAME}\n")
    (work / "ca.crt").write_bytes(target.ca_pem)
    # The upstream may still be starting: pack itself tries again.
    host.airgap("pack", "images.txt", "-o", "b.tar", "--images-only", "--registry-mirror", upstream)
    host.airgap("keygen", "k")
    host.airgap("sign", "b.tar", "--key", "k.key")
    assert "signature  valid" in host.airgap("verify", "b.tar", "--key", "k.pub")
    assert NAME in host.airgap("inspect", "b.tar")
    host.airgap("push", "b.tar", target.address, "--ca", "ca.crt")
    assert "already" in host.airgap("push", "b.tar", target.address, "--ca", "ca.crt")


def test_every_page_is_read_by_the_program_and_out_of_the_bundle_without_it(host: Host) -> None:
    bundle = host.root / "work/b.tar"
    assert "Release engineer" in host.airgap("help")
    for topic, page in pages().items():
        said = host.airgap("help", topic)
        assert said.startswith(f"{inline(page.title)}\n="), topic
        assert said == run("tar", "xOf", bundle, f"airgap/help/{topic}.txt").stdout, topic
    assert "docker is not on PATH" in host.airgap("help", "errors", "docker", "is", "not", "on")


@pytest.mark.parametrize(
    "store",
    ["etc/ssl/certs/ca-certificates.crt", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
     "var/lib/ca-certificates/ca-bundle.pem"],
)  # fmt: skip
def test_it_trusts_whom_the_host_trusts(host: Host, target: Registry, store: str) -> None:
    path = host.root / store
    refused = run(*host.command("push", "b.tar", f"{target.address}/x"), check=False)
    assert refused.returncode != 0, "nobody is trusted yet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(target.ca_pem)
    try:
        host.airgap("push", "b.tar", f"{target.address}/x")
    finally:
        path.unlink()


def test_a_registry_of_its_own_over_tls(host: Host, target: Registry) -> None:
    address = f"127.0.0.1:{free_port()}"
    program = host.command("serve", "b.tar", "--listen", address)
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout
        for line in process.stdout:
            if address.encode() in line:
                break
        anyone = ssl._create_unverified_context()
        with urlopen(f"https://{address}/v2/", context=anyone) as answer:
            assert answer.status == 200
        process.terminate()
    assert process.returncode == 0


def test_no_folder_outside_is_looked_at(host: Host) -> None:
    """No module is taken from the folder or the environment of whoever calls."""
    (host.root / "work/json.py").write_text("raise SystemExit('taken')")
    bare = host.command("inspect", "b.tar")
    run(*bare[:2], "PYTHONPATH=/work", "PYTHONHOME=/work", *bare[2:])
    (host.root / "work/json.py").unlink()


@pytest.fixture(scope="module")
def wheel(single_file: Path) -> Path:
    return next((REPO / "dist").glob("airgap_images-*.whl"))


def test_pip_installs_the_wheel(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path)
    run(tmp_path / "bin/pip", "install", "-q", "--require-hashes", "-r", REPO / "requirements.txt")
    run(tmp_path / "bin/pip", "install", "-q", "--no-deps", wheel)
    assert run(tmp_path / "bin/airgap", "--version").stdout.startswith("airgap ")
    assert "airgap-images" in run(tmp_path / "bin/pip", "list").stdout
    assert "Unpack a bundle" in run(tmp_path / "bin/airgap", "help", "unpack").stdout
    assert (tmp_path / "share/man/man1/airgap-unpack.1").exists()


def test_the_source_brings_the_pages(wheel: Path) -> None:
    (source,) = wheel.parent.glob("airgap_images-*.tar.gz")
    names = {name.partition("/")[2] for name in run("tar", "tzf", source).stdout.split("\n")}
    assert {f"airgap/help/pages/{page.path}" for page in pages().values()} <= names


def test_pipx_installs_the_wheel(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "pipx")
    run(tmp_path / "pipx/bin/pip", "install", "-q", "pipx")
    folders = {"PIPX_HOME": f"{tmp_path}/home", "PIPX_BIN_DIR": f"{tmp_path}/bin"}
    run(tmp_path / "pipx/bin/pipx", "install", wheel, env=os.environ | folders)
    assert run(tmp_path / "bin/airgap", "--version").stdout.startswith("airgap ")
