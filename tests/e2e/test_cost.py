"""What pack and push cost: disk no more than the bundle, memory that does not grow with it."""

import contextlib
import hashlib
import json
import random
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.console import QUIET, Console
from airgap.registry.options import Options
from airgap.sources.layout import Layout
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from tests.e2e.conftest import AIRGAP, Lab

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

LAYER = 20 << 20
SMALL, LARGE = 10, 100
"""Layers: 0.2 and 2 GB."""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def registry(lab: Lab, tmp_path: Path) -> Iterator[str]:
    """Run a real registry with a storage of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = tmp_path / "config.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path}/storage}}}}\n"
        f'http: {{addr: "{address}"}}\n'
    )
    process = subprocess.Popen(
        [lab.env["distribution"], "serve", config],
        env={"OTEL_TRACES_EXPORTER": "none"},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(100):
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port))).close()
            return
        time.sleep(0.1)
    pytest.fail("the registry does not answer")


def fill(registry: str, folder: Path, layers: int) -> None:
    """Push an image of random layers, the same in every run."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    source = random.Random(layers)

    def add(body: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(body).hexdigest()
        (blobs / digest).write_bytes(body)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(body)}

    layer_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    descriptors = [add(source.randbytes(LAYER), layer_type) for _ in range(layers)]
    platform = {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers"}}
    config = add(json.dumps(platform).encode(), "application/vnd.oci.image.config.v1+json")
    value = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": descriptors}
    root = add(json.dumps(value).encode(), MANIFEST)
    root["annotations"] = {"io.containerd.image.name": f"{registry}/big:{layers}"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [root]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    layout = Layout(folder)
    with RegistryTarget(registry, Options()) as target:
        # It lands below its host's name, so that is where the list asks for it.
        push(layout.images, layout, target, Console(QUIET)).check()


def cost(folder: Path, *arguments: object) -> tuple[int, int]:
    """Run airgap; return its largest memory and the largest disk use below ``folder``, in bytes.

    The kernel's own mark of the largest memory is read while it runs: what wait() tells begins
    with the memory of the process that started it.
    """
    process = subprocess.Popen([AIRGAP, *map(str, arguments)], stderr=subprocess.DEVNULL)
    status = Path(f"/proc/{process.pid}/status")
    memory = disk = 0
    while process.poll() is None:
        with contextlib.suppress(OSError):  # it ended, or the file was renamed, while we looked
            found = re.search(r"VmHWM:\s+([0-9]+) kB", status.read_text())
            memory = max(memory, int(found[1]) << 10 if found else 0)
            disk = max(disk, sum(f.stat().st_blocks * 512 for f in folder.iterdir()))
        time.sleep(0.01)
    assert process.returncode == 0
    return memory, disk


def test_memory_and_disk(registry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures: dict[str, dict[int, int]] = {"pack": {}, "push": {}}
    told = []
    for layers in (SMALL, LARGE):
        fill(registry, tmp_path / f"layout-{layers}", layers)
        folder = tmp_path / f"bundle-{layers}"
        folder.mkdir()
        names, bundle = tmp_path / "images.txt", folder / "bundle.tar"
        repository = registry.replace(":", "_") + "/big"
        names.write_text(f"{registry}/{repository}:{layers}\n")
        memory, disk = cost(folder, "pack", names, "-o", bundle, "--images-only", "-q")
        size = bundle.stat().st_size
        assert size > layers * LAYER
        assert disk <= 1.02 * size
        figures["pack"][layers] = memory
        figures["push"][layers], _ = cost(folder, "push", bundle, f"{registry}/again", "-q")
        told.append(f"{size / 1e9:.2f} GB: peak disk of pack {disk / size:.4f} x bundle")
        bundle.unlink()
    for verb, memory_at in figures.items():
        small, large = (memory_at[layers] / 1e6 for layers in (SMALL, LARGE))
        told.append(f"{verb}: {small:.0f} MB of memory for 0.2 GB, {large:.0f} MB for 2 GB")
    with capsys.disabled():  # the figures belong into the log, also when all is well
        print("", *told, sep="\n")
    for memory_at in figures.values():
        assert memory_at[LARGE] < memory_at[SMALL] + (16 << 20)
        assert memory_at[LARGE] < 80 << 20
