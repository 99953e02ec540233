"""airgap pack against a registry in memory."""

import io
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.cli import app
from tests.support import archives, dockerd
from tests.support.images import Maker, Stock
from tests.support.registry import MemoryRegistry

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def registry(registry: MemoryRegistry) -> MemoryRegistry:
    Stock(registry, "app").image(b"app", name="1")
    multi = Stock(registry, "multi")
    amd, arm = multi.image(b"amd"), multi.image(b"arm", architecture="arm64")
    multi.index("1", amd64=amd, arm64=arm)
    return registry


@pytest.fixture
def host(registry: MemoryRegistry) -> str:
    return registry.url.removeprefix("http://")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run ``airgap pack LIST`` with the list piped in, for linux/amd64 where not said."""

    def run(text: str, *arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        output = ["-o", tmp_path / "b.tar", "--images-only", "--platform", "linux/amd64"]
        path = tmp_path / "l.txt"
        path.write_text(text)
        code = app.run(list(map(str, ["pack", path, *output, *arguments])))
        out, err = capsys.readouterr()
        return code, out, err

    return run


def carried(tmp_path: Path) -> list[str]:
    with Bundle.open(tmp_path / "b.tar") as bundle:
        bundle.verify()
        return [image.reference.familiar for image in bundle.images]


def test_from_a_pipe(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(f"docker://{host}/app:1\n".encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    output = str(tmp_path / "b.tar")
    assert app.run(["pack", "-", "-o", output, "--images-only", "--platform", "all"]) == 0
    assert carried(tmp_path) == [f"{host}/app:1"]
    assert "push b.tar REGISTRY" in capsys.readouterr().out


def test_a_missing_child_is_told_as_such(
    registry: MemoryRegistry, host: str, run: Run, tmp_path: Path
) -> None:
    torn = Stock(registry, "torn")
    child = torn.image(b"torn")
    torn.index("1", amd64=child)
    del registry.content.repository("torn").manifests[child["digest"]]
    code, out, err = run(f"{host}/torn:1\n{host}/app:1\n", "--keep-going", "--json")
    assert code == 0
    assert carried(tmp_path) == [f"{host}/app:1"]
    (failed,) = json.loads(out)["failed"]
    assert failed["reference"] == f"{host}/torn:1"
    assert failed["error"] == (
        f"{host}/torn:1: {host} lacks the manifest {child['digest']}, which its index names"
    )
    assert failed["hint"].endswith("--platform")
    assert "does not exist" not in err


def test_what_failed_is_listed_for_the_next_run(
    registry: MemoryRegistry, host: str, run: Run, tmp_path: Path
) -> None:
    lines = f"{host}/app:1\n--platform linux/arm64 {host}/multi:2\n{host}/gone:1 as shop:1\n"
    path = tmp_path / "failed.txt"
    code, out, err = run(lines, "--json", "--failed", path)
    assert code == 3
    told = json.loads(out)
    assert [one["reference"] for one in told["failed"]] == [
        f"{host}/multi:2",
        "docker.io/library/shop:1",
    ]
    assert told["exit_code"] == 3
    assert told["bundle"] is None
    assert err.count("error: 2 images failed") == 1
    assert path.read_text() == (
        f"--platform linux/arm64 {host}/multi:2\n"
        f"--platform linux/amd64 docker://{host}/gone:1 as docker.io/library/shop:1\n"
    )
    Stock(registry, "gone").image(b"back", name="1")
    registry.content.repository("multi").tags["2"] = registry.content.repository("multi").tags["1"]
    code, out, _ = run(path.read_text(), "--json", "--failed", path)
    assert code == 0
    assert path.read_text() == ""
    assert [image["platforms"] for image in json.loads(out)["images"]] == [
        ["linux/arm64"],
        ["linux/amd64"],
    ]


def test_a_list_of_failures_that_cannot_be_written(host: str, run: Run, tmp_path: Path) -> None:
    code, _, err = run(f"{host}/app:1\n", "--failed", tmp_path / "no/failed.txt")
    assert code == 6
    assert "cannot write" in err


def test_a_lock_and_its_renewal(
    registry: MemoryRegistry, host: str, run: Run, tmp_path: Path
) -> None:
    lock = tmp_path / "images.lock"
    old = registry.content.repository("app").tags["1"]
    assert run(f"{host}/app:1\n", "--lock", lock)[0] == 0
    assert lock.read_text() == f"{host}/app:1@{old}\n"
    Stock(registry, "app").image(b"newer", name="1")
    new = registry.content.repository("app").tags["1"]
    code, out, err = run(f"{host}/app:1\n", "--locked", lock, "--json")
    assert code == 0
    assert json.loads(out)["images"][0]["digest"] == old
    assert f"warning: {host}/app:1 is {new} now" in err
    assert run(f"{host}/app:1\n", "--locked", lock, "--update")[0] == 0
    assert lock.read_text() == f"{host}/app:1@{new}\n"
    assert run(f"{host}/app:1\n", "--update")[0] == 2
    assert run(f"{host}/app:1\n", "--lock", lock, "--locked", lock)[0] == 2


def test_a_layout_is_packed_and_pushed(
    registry: MemoryRegistry,
    host: str,
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    maker = Maker(tmp_path / "built")
    maker.image(b"layer", name="quay.io/org/app:1")
    root = str(maker.layout().named[0].root.digest)
    assert run("oci:built as shop/app:2\n")[0] == 0
    assert carried(tmp_path) == ["shop/app:2"]
    assert app.run(["push", str(tmp_path / "built"), host]) == 0
    assert registry.content.repository("quay.io/org/app").tags["1"] == root
    assert app.run(["push", str(tmp_path / "b.tar"), host]) == 0
    assert registry.content.repository("docker.io/shop/app").tags["2"] == root


def test_an_image_of_the_docker_daemon(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    monkeypatch.setenv("PATH", "")
    with dockerd.running(tmp_path) as docker:
        docker.images["app:1"] = "sha256:0"
        docker.exports["app:1"] = archives.podman("app:1")
        code, _, err = run("docker-daemon:app:1 as shop/app:2\n")
        assert code == 0
        assert "docker-daemon:app:1 comes from the daemon" in err
        assert carried(tmp_path) == ["shop/app:2"]
        code, _, err = run("docker-daemon:gone:1\n")
        assert code == 3
        assert "docker-daemon:gone:1: the docker daemon has no such image" in err


def test_without_a_docker_daemon(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.getsockname()[1]}")
    code, _, err = run("docker-daemon:app:1\n")
    assert code == 6
    assert "docker does not answer" in err


def test_what_is_at_hand(host: str, run: Run, tmp_path: Path) -> None:
    maker = Maker(tmp_path / "made")
    maker.image(b"app", name="app:1")
    maker.layout()
    code, out, _ = run(f"{host}/app:1\n", "--reuse", "oci:made", "--json")
    assert code == 0
    assert json.loads(out)["reused"] > 0
    for wrong in ("docker-daemon:app:1", "containers-storage:x", tmp_path):
        assert run(f"{host}/app:1\n", "--reuse", wrong)[0] == 2
    assert run(f"{host}/app:1\n", "--reuse", "oci:made:app:1")[0] == 3
