"""What pack and push cost: disk no more than the bundle, memory that does not grow with it."""

import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.console import QUIET, Console
from airgap.registry.options import Options
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from tests.e2e.conftest import AIRGAP, Lab
from tests.support.images import Maker

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

LAYER = 20 << 20
SMALL, LARGE = 10, 100
"""Layers: 0.2 and 2 GB."""


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
    maker = Maker(folder, layers)
    maker.image(*(maker.bytes(LAYER) for _ in range(layers)), name=f"{registry}/big:{layers}")
    layout = maker.layout()
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
