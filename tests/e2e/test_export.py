"""What export writes, in the hands of importers without a registry."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Lab, run
from tests.support import schema

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def archive(lab: Lab, bundle: Path) -> Path:
    path = bundle.with_name("images.tar")
    lab.airgap("export", bundle, "-o", path)
    return path


@pytest.fixture
def ctr(lab: Lab) -> Iterator[tuple[str, ...]]:
    """Yield how ctr is called at a containerd of its own, with the snapshotter that needs least."""
    programs = Path(lab.env["kind"]).parent
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        socket = f"{folder}/containerd.sock"
        config = Path(folder, "config.toml")
        config.write_text("version = 2\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n")
        command = [programs / "containerd", "--config", config, "--address", socket]
        command += ["--root", f"{folder}/root", "--state", f"{folder}/state"]
        with Path(folder, "log").open("wb") as log:
            daemon = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(100):
                if Path(socket).exists():
                    break
                time.sleep(0.1)
            yield (str(programs / "ctr"), "--address", socket, "-n", "k8s.io", "images")
        finally:
            daemon.terminate()
            daemon.wait(30)


def test_docker_and_podman_load_it(lab: Lab, archive: Path, bundle: Path) -> None:
    said = lab.docker("load", "-i", archive)
    assert "Loaded image: busybox:1.36" in said
    assert lab.docker("run", "--rm", "busybox:1.36", "echo", "here") == "here\n"
    lab.docker("rmi", "busybox:1.36", "nginx:1.22", "quay.io/org/app:1.0")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        storage = ("--root", f"{folder}/root", "--runroot", f"{folder}/run")
        podman = ("podman", *storage, "--storage-driver", "vfs")
        run(*podman, "load", "-i", archive)
        listed = json.loads(run(*podman, "images", "--format", "json").stdout)
        names = {name for image in listed for name in image.get("Names") or ()}
        assert {"docker.io/library/busybox:1.36", "quay.io/org/app:1.0"} <= names
        run(*podman, "rmi", "--all", "--force")
        lab.airgap("export", bundle, "-o", archive.with_name("one.tar"), "busybox:1.36")
        said = run(*podman, "load", "-i", archive.with_name("one.tar")).stdout
        assert "docker.io/library/busybox:1.36" in said, "its two names are one image"
        run(*podman, "rmi", "--all", "--force")


def test_containerd_imports_it_whole_and_knows_each_name_and_digest(
    lab: Lab, archive: Path, bundle: Path, ctr: tuple[str, ...]
) -> None:
    run(*ctr, "import", "--all-platforms", "--no-unpack", archive)
    listed = run(*ctr, "ls").stdout
    told = schema.read("export", lab.airgap("export", bundle, "-o", archive, "--json").stdout)
    assert len(told["images"]) == 3
    for image in told["images"]:
        (line,) = [line for line in listed.splitlines() if line.startswith(image["reference"])]
        assert image["digest"] in line
    said = run(*ctr, "check").stdout
    assert said.count("complete (") >= 3, said
