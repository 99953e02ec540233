"""The short story on any host of the lab, with airgap as one program, and nothing else of ours.

AIRGAP_LAB_HOST chooses the host; `scripts/test hosts` runs this on each of them.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Lab
from tests.e2e.host import Host
from tests.support import schema

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def host(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    lab.upstreams("start")
    found = Host(lab, tmp_path_factory.mktemp("host"))
    yield found
    found.delete_cluster()


@pytest.fixture(scope="module")
def packed(host: Host, single_file: Path) -> tuple[Path, Path]:
    """Pack a small bundle, and a larger one for the same cluster."""
    second = "nginx:1.22\nbusybox:1.36\nquay.io/org/app:1.0\n"
    return (
        host.pack(single_file, "first", "nginx:1.22\n", "--workers", "0"),
        host.pack(single_file, "second", second),
    )


def test_the_host_is_what_it_is_said_to_be(host: Host) -> None:
    """One of another release has no Python: what runs there is the program alone."""
    name = os.environ.get("AIRGAP_LAB_HOST", "machine")
    if name == "machine":
        return
    assert host.do("sh", "-c", "command -v python3 python; true") == ""
    release = name.removeprefix("podman-").removesuffix("-containerd")
    assert f"={release}" in host.do("cat", "/etc/os-release")
    if host.engine == "podman":
        assert host.do("sh", "-c", "command -v docker dockerd; true") == ""
        return
    driver = host.do("docker", "info", "--format", "{{.DriverStatus}}")
    assert ("io.containerd.snapshotter" in driver) == name.endswith("-containerd")


def test_from_one_bundle_to_a_pod_and_back_to_nothing(
    host: Host, packed: tuple[Path, Path]
) -> None:
    first, second = packed
    left_by_others = _made(host)
    host.do("tar", "xf", first, "airgap/bin")
    patch = ("--kind-patch", host.lab.env["kind_patch"])
    before = schema.read("doctor", host.airgap("doctor", "--bundle", first, "--json"))
    assert before["ready"]

    made = schema.read("unpack", host.airgap("unpack", first, *patch, "--json"))
    assert made["created"]
    host.runs("one", "nginx:1.22")

    kept = schema.read("unpack", host.airgap("unpack", second, *patch, "--json"))
    assert not kept["created"]
    host.runs("two", "quay.io/org/app:1.0")

    host.do(host.engine, "stop", "kind-control-plane")
    host.airgap("up")
    host.kubectl("wait", "--for=condition=Ready", "--timeout=120s", "pod/one")
    host.is_well()

    host.airgap("trust", "--yes")
    host.do(host.engine, "load", "-i", second)
    host.airgap("export", second, "-o", host.folder / "images.tar")
    loaded = host.do(host.engine, "load", "-i", host.folder / "images.tar")
    names = ("nginx:1.22", "busybox:1.36", "quay.io/org/app:1.0")
    assert [name for name in names if name not in loaded] == []
    name = "kind-control-plane:30443/own/nginx:1"
    host.do(host.engine, "tag", "nginx:1.22", name)
    host.do(host.engine, "push", name)
    host.runs("three", name)

    host.airgap("teardown", "--yes")
    assert "kind-control-plane" not in host.do(host.engine, "ps", "-a")
    assert "kind-control-plane" not in host.do("cat", "/etc/hosts")
    assert _made(host) <= left_by_others
    assert "airgap-podman-" not in host.do("ls", "/run")
    assert "system service" not in host.do("ps", "-eo", "args")


def _made(host: Host) -> set[str]:
    """Return the volumes, networks and node images that there are."""
    images = host.do(host.engine, "images", "--format", "{{.Repository}}:{{.Tag}}").split()
    return {
        *host.do(host.engine, "volume", "ls", "-q").split(),
        *host.do(host.engine, "network", "ls", "--format", "{{.Name}}").split(),
        *(image for image in images if "airgap/node" in image),
    }
