"""What the fault tests share: a real registry behind the fault proxy, and airgap's own command."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from airgap.cli import app
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.layout import Layout
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from tests.support.clock import FakeClock
from tests.support.images import Maker
from tests.support.proxy import Proxy, proxy
from tests.support.registries import Registry, registry

MIB = 1 << 20


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep this machine's own settings out."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.split("\n") if line.startswith("error: ")]

    @property
    def hints(self) -> list[str]:
        return [line for line in self.err.split("\n") if line.startswith("hint: ")]


class Bench:
    """A registry with two images, the proxy before it, and the command."""

    def __init__(self, found: Registry, before: Proxy, layout: Layout, folder: Path) -> None:
        self.registry, self.proxy, self.layout, self.folder = found, before, layout, folder
        self.clock = FakeClock()
        self.bundle = folder / "b.tar"
        self.list = folder / "images.txt"
        self.list.write_text("nginx:1.27\nbusybox:1.36\n")
        self.big = max((b for i in layout.images for b in i.blobs), key=lambda b: b.size)
        self._capture: pytest.CaptureFixture[str]

    def run(self, *arguments: object) -> Ended:
        self._capture.readouterr()
        code = app.run([str(argument) for argument in arguments], self.clock)
        out, err = self._capture.readouterr()
        return Ended(code, out, err)

    def pack(self, *more: object) -> Ended:
        mirror = f"docker.io=http://{self.proxy.address}/docker.io"
        return self.run(
            "pack", self.list, "-o", self.bundle, "--images-only", "--registry-mirror", mirror,
            "-v", *more,
        )  # fmt: skip

    def push(self, *more: object) -> Ended:
        return self.run("push", self.bundle, self.proxy.address, "-v", *more)

    def check_failed(self, ended: Ended, code: int) -> None:
        """The contract of every failure: one error, one hint, no traceback, no output file."""
        assert ended.code == code, ended.err
        assert len(ended.errors) == 1, ended.err
        assert len(ended.hints) == 1, ended.err
        assert "Traceback" not in ended.err
        assert not self.bundle.exists()

    def check_packs(self) -> None:
        """A run without faults finishes, and its bytes are those of any other run."""
        self.proxy.rule = lambda _: None
        ended = self.pack("--json")
        assert ended.code == 0, ended.err
        assert not list(self.folder.glob("*.partial*"))
        digest = json.loads(ended.out)["digest"]
        self.bundle.unlink()
        assert json.loads(self.pack("--json").out)["digest"] == digest


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, Layout]]:
    folder = tmp_path_factory.mktemp("upstream")
    maker = Maker(folder / "layout")
    base = maker.bytes(MIB)
    maker.image(base, maker.bytes(12 * MIB), name="docker.io/library/nginx:1.27")
    maker.image(base, name="docker.io/library/busybox:1.36")
    layout = maker.layout()
    with registry("docker-registry", folder / "registry") as found:
        with RegistryTarget(found.address, Options()) as target:
            push(layout.images, layout, target, Silent()).check()
        yield found, layout


@pytest.fixture
def bench(
    upstream: tuple[Registry, Layout], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Bench]:
    found, layout = upstream
    with proxy(found.address) as before:
        bench = Bench(found, before, layout, tmp_path)
        bench._capture = capsys
        yield bench
