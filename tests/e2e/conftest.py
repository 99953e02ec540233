"""The lab: a real kind cluster on an isolated host, and two real registries as upstreams."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).parents[2]
AIRGAP = Path(sys.executable).with_name("airgap")

collect_ignore = [] if os.environ.get("AIRGAP_KILLS") else ["test_kills.py"]
"""By hand: a minute a kill."""


class Lab:
    """What ``scripts/lab`` offers to a test."""

    def __init__(self) -> None:
        self.env: dict[str, Any] = json.loads(self._script("env"))

    def _script(self, *arguments: str) -> str:
        command = [REPO / "scripts/lab", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def upstreams(self, verb: str) -> None:
        """Start or stop the upstream registries."""
        self._script("upstreams", verb)

    @property
    def mirrors(self) -> list[str]:
        """Options that make the upstreams stand for docker.io and quay.io."""
        return [
            *("--registry-mirror", f"docker.io={self.env['hub']}"),
            *("--registry-mirror", f"quay.io={self.env['quay']}"),
            *("--ca", self.env["quay_ca"]),
        ]

    @property
    def cluster_images(self) -> list[str]:
        """Options that name the lab's own node and registry images."""
        images = self.env["node_image"], self.env["registry_image"]
        return ["--node-image", images[0], "--registry-image", images[1]]

    @property
    def connected_env(self) -> dict[str, str]:
        """The environment of the connected side: no docker daemon is in reach."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER")}
        return environment | {"DOCKER_CONFIG": self.env["docker_config"]}

    def airgap(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run airgap on the connected side."""
        return run(AIRGAP, *arguments, env=self.connected_env, **options)

    def isolated(self, *command: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command on the isolated host."""
        return run(REPO / "scripts/lab", "exec", *command, **options)

    def docker(self, *arguments: object, **options: Any) -> str:
        """Run docker on the isolated host, and return what it wrote."""
        return self.isolated("docker", *arguments, **options).stdout


def run(
    *command: object, check: bool = True, timeout: float = 600, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command; where it fails, the test shows all that it said."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=timeout, check=False, **options
    )
    if check and done.returncode != 0:
        pytest.fail(
            f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
    return done


@pytest.fixture(scope="session")
def single_file() -> Path:
    """Build airgap as one program; what is compiled for it comes from the cache."""
    run(REPO / "scripts/release", timeout=1500)
    machine = run("dpkg", "--print-architecture").stdout.strip()
    return REPO / f"dist/airgap-linux-{machine}"


@pytest.fixture(scope="session")
def lab() -> Lab:
    """Bring the lab up. Whoever runs the tests brings it down: scripts/test does."""
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("the lab needs root")
    subprocess.run([REPO / "scripts/lab", "up"], check=True)
    return Lab()


@pytest.fixture(scope="session")
def bundle(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pack three images; a module that needs more packs its own."""
    lab.upstreams("start")
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "images.txt").write_text("nginx:1.22\nbusybox:1.36\nquay.io/org/app:1.0\n")
    path = folder / "bundle.tar"
    lab.airgap("pack", folder / "images.txt", "-o", path, "--images-only", *lab.mirrors)
    return path
