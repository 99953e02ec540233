"""The bundle without airgap: docker, podman, skopeo, umoci and coreutils read it."""

import json
import tempfile
from pathlib import Path

import pytest

from tests.e2e.conftest import Lab, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_docker_loads_it(lab: Lab, bundle: Path) -> None:
    said = lab.docker("load", "-i", bundle)
    assert "Loaded image: busybox:1.36" in said
    assert "Loaded image: quay.io/org/app:1.0" in said
    ran = lab.docker("run", "--rm", "busybox:1.36", "echo", "hello from the bundle")
    assert ran == "hello from the bundle\n"
    lab.docker("rmi", "busybox:1.36", "nginx:1.22", "quay.io/org/app:1.0")


def test_podman_loads_it(bundle: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # podman takes no long paths
        load_into_podman(bundle, folder)


def load_into_podman(bundle: Path, folder: str) -> None:
    storage = ("--root", f"{folder}/root", "--runroot", f"{folder}/run")
    podman = ("podman", *storage, "--storage-driver", "vfs")
    run(*podman, "load", "-i", bundle)
    listed = json.loads(run(*podman, "images", "--format", "json").stdout)
    names = {name for image in listed for name in image.get("Names") or ()}
    assert {"docker.io/library/busybox:1.36", "quay.io/org/app:1.0"} <= names
    run(*podman, "rmi", "--all", "--force")


@pytest.mark.parametrize("door", ["oci-archive", "docker-archive"])
def test_skopeo_copies_from_both_doors(lab: Lab, bundle: Path, tmp_path: Path, door: str) -> None:
    source = f"{door}:{bundle}:docker.io/library/busybox:1.36"
    run("skopeo", "copy", source, f"dir:{tmp_path}/copy")
    manifest = json.loads((tmp_path / "copy/manifest.json").read_text())
    assert len(manifest["layers"]) == 1
    if door == "oci-archive":
        digest = run("skopeo", "inspect", "--format", "{{.Digest}}", source).stdout.strip()
        assert digest == lab.env["digests"]["busybox"]


def test_umoci_unpacks_it(bundle: Path, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    layout.mkdir()
    run("tar", "xf", bundle, "-C", layout)
    image = f"{layout}:docker.io/library/busybox:1.36"
    run("umoci", "unpack", "--image", image, tmp_path / "unpacked")
    assert (tmp_path / "unpacked/rootfs/bin/busybox").is_file()


def test_sha256sum_proves_every_member(bundle: Path, tmp_path: Path) -> None:
    run("tar", "xf", bundle, "-C", tmp_path)
    said = run("sha256sum", "-c", "SHA256SUMS", cwd=tmp_path).stdout
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert said.count(": OK\n") == len(files) - 2  # all but SHA256SUMS and its signature


def test_two_packs_of_the_same_input_are_byte_identical(lab: Lab, tmp_path: Path) -> None:
    lab.upstreams("start")
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        'images: ["busybox:1.36", "quay.io/org/app:1.0"]\n'
        "node-image: kindest/node:v1.34.4\nregistry-image: registry:3.1.1\n"
    )
    for name in ("one.tar", "two.tar"):
        options = ("--tls", "host", "--kind", lab.env["kind"], *lab.mirrors)
        lab.airgap("pack", spec, "-o", tmp_path / name, *options)
    run("cmp", tmp_path / "one.tar", tmp_path / "two.tar")
