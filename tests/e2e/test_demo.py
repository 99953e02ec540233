"""The demo, as the README says it: from a checkout, and it leaves nothing running."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import REPO, Lab, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HUB = "127.0.0.1:5099"


@pytest.fixture
def bundle() -> Iterator[Path]:
    path = REPO / "demo.tar"
    yield path
    path.unlink()


def test_the_demo_without_docker(bundle: Path) -> None:
    with subprocess.Popen(
        [REPO / "scripts/demo"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as demo:  # fmt: skip
        out, _ = demo.communicate(timeout=600)
    assert demo.returncode == 0, out
    assert "docker and kind do not both answer here" in out
    assert "what came back makes the very same file, byte for byte" in out
    assert f"The bundle is {bundle}" in out
    # Of its own session: others may run whatever they like.
    assert run("pgrep", "-s", demo.pid, check=False).stdout == ""


@pytest.fixture
def hub(lab: Lab, tmp_path: Path) -> Iterator[str]:
    """The registry that stands for Docker Hub, where only the isolated host reaches it."""
    config = Path(lab.env["state"], "hub.yml").read_text().replace(lab.env["hub"], HUB)
    path = tmp_path / "hub.yml"
    path.write_text(config)
    command = [REPO / "scripts/lab", "exec", lab.env["distribution"], "serve", path]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        lab.isolated("curl", "-sf", "--retry", "50", "--retry-connrefused", "--retry-delay", "1",
                     f"http://{HUB}/v2/")  # fmt: skip
        yield f"--registry-mirror docker.io=http://{HUB}"
        process.terminate()


def test_the_demo_with_a_cluster(lab: Lab, hub: str, bundle: Path) -> None:
    """Where docker and kind answer, the images run, and the cluster is gone afterwards."""
    done = lab.isolated(
        "env", f"AIRGAP_PACK_OPTIONS={hub} {shlex.join(lab.cluster_images)}",
        f"AIRGAP_UNPACK_OPTIONS=--kind-patch {lab.env['kind_patch']}",
        REPO / "scripts/demo", stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Unpacked 2 images" in done.stdout
    assert done.stdout.count("1/1     Running") == 2, done.stdout
    assert "hello from the isolated side" in done.stdout
    assert "keep the cluster" in done.stdout
    assert lab.docker("ps", "-aq", "--filter", "label=io.x-k8s.kind.cluster=airgap-demo") == ""
    assert bundle.exists()
