"""The short story on any host of the lab, with airgap as one program, and nothing else of ours.

AIRGAP_LAB_HOST chooses the host; `scripts/test hosts` runs this on each of them.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Lab, run
from tests.support import schema

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


class Host:
    """The isolated host, and the operator's folder on it."""

    def __init__(self, lab: Lab, single_file: Path, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.engine: str = lab.env["engine"]
        self.program = folder / "airgap"
        shutil.copy(single_file, self.program)

    def do(self, *command: object, **options: Any) -> str:
        home = ("env", f"HOME={self.folder}")
        return self.lab.isolated(*home, *command, cwd=self.folder, **options).stdout

    def airgap(self, *arguments: object, **options: Any) -> str:
        return self.do(self.program, *arguments, **options)

    def kubectl(self, *arguments: object) -> str:
        return self.do("kubectl", *arguments)

    def runs(self, name: str, image: str) -> None:
        self.kubectl("run", name, f"--image={image}", "--image-pull-policy=Always")
        self.kubectl("wait", "--for=condition=Ready", "--timeout=120s", f"pod/{name}")


@pytest.fixture(scope="module")
def host(lab: Lab, single_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    lab.upstreams("start")
    found = Host(lab, single_file, tmp_path_factory.mktemp("host"))
    yield found
    delete = ("kind", "delete", "cluster", "--name", "kind")
    found.do("env", f"KIND_EXPERIMENTAL_PROVIDER={found.engine}", *delete, check=False)


def pack(host: Host, name: str, images: str, *more: object) -> Path:
    (host.folder / f"{name}.txt").write_text(images)
    bundle = host.folder / f"{name}.tar"
    options = (*host.lab.mirrors, *host.lab.cluster_images, "--kind", host.lab.env["kind"])
    run(host.program, "pack", host.folder / f"{name}.txt", "-o", bundle, *options, *more,
        env=host.lab.connected_env)  # fmt: skip
    return bundle


def test_from_one_bundle_to_a_pod_and_back_to_nothing(host: Host) -> None:
    first = pack(host, "first", "nginx:1.22\n", "--workers", "0")
    patch = ("--kind-patch", host.lab.env["kind_patch"])
    before = schema.read("doctor", host.airgap("doctor", "--bundle", first, "--json"))
    assert before["ready"]

    made = schema.read("unpack", host.airgap("unpack", first, *patch, "--json"))
    assert made["created"]
    host.runs("one", "nginx:1.22")

    second = pack(host, "second", "nginx:1.22\nbusybox:1.36\nquay.io/org/app:1.0\n")
    kept = schema.read("unpack", host.airgap("unpack", second, *patch, "--json"))
    assert not kept["created"]
    host.runs("two", "quay.io/org/app:1.0")

    host.do(host.engine, "stop", "kind-control-plane")
    host.airgap("up")
    host.kubectl("wait", "--for=condition=Ready", "--timeout=120s", "pod/one")
    assert schema.read("status", host.airgap("status", "--json"))["problems"] == []

    host.airgap("trust", "--yes")
    host.do(host.engine, "load", "-i", second)
    name = "kind-control-plane:30443/own/nginx:1"
    host.do(host.engine, "tag", "nginx:1.22", name)
    host.do(host.engine, "push", name)
    host.runs("three", name)

    host.airgap("teardown", "--yes")
    assert "kind-control-plane" not in host.do(host.engine, "ps", "-a")
    assert "kind-control-plane" not in host.do("cat", "/etc/hosts")
    assert host.do(host.engine, "volume", "ls", "-q") == ""
    assert "kind\n" not in host.do(host.engine, "network", "ls", "--format", "{{.Name}}")
    assert "airgap/node" not in host.do(host.engine, "images")
    assert "airgap-podman-" not in host.do("ls", "/run")
    assert "system service" not in host.do("ps", "-eo", "args")
