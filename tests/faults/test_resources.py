"""What this host may lack while a bundle is written: space, rights, a sound disk, peace."""

import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import MIB, Bench
from tests.support.proxy import Fault

AIRGAP = Path(sys.executable).with_name("airgap")


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder]
    subprocess.run(mount, check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def command(bench: Bench) -> list[str]:
    mirror = f"docker.io=http://{bench.proxy.address}/docker.io"
    return [
        str(AIRGAP), "pack", str(bench.list), "-o", str(bench.bundle), "--images-only",
        "--registry-mirror", mirror,
    ]  # fmt: skip


@pytest.mark.needs("root")
def test_a_disk_that_is_too_small_is_told_before_a_layer_is_fetched(
    bench: Bench, tmpfs: Path
) -> None:
    bench.bundle = tmpfs / "b.tar"
    ended = bench.pack()
    bench.check_failed(ended, 6)
    assert str(tmpfs) in ended.errors[0]
    assert "bytes" in ended.errors[0]
    assert bench.proxy.count("GET", str(bench.big.digest)) == 0
    subprocess.run(["mount", "-o", "remount,size=64m", tmpfs], check=True)
    bench.check_packs()


@pytest.mark.needs("root")
def test_a_disk_that_fills_up_meanwhile(bench: Bench, tmpfs: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=20m", tmpfs], check=True)
    bench.bundle = tmpfs / "b.tar"

    def fill(request: object) -> None:
        if str(bench.big.digest) in str(request):
            with (tmpfs / "other").open("wb") as file:
                file.write(bytes(12 * MIB))

    bench.proxy.rule = fill  # type: ignore[assignment]
    ended = bench.pack()
    bench.check_failed(ended, 6)
    assert "No space left" in ended.errors[0]
    (tmpfs / "other").unlink()
    bench.check_packs()


@pytest.mark.needs("root")
def test_a_read_only_folder(bench: Bench, tmpfs: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tmpfs], check=True)
    bench.bundle = tmpfs / "b.tar"
    bench.check_failed(bench.pack(), 6)


def test_a_limit_on_the_size_of_files(bench: Bench) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MIB, 4 * MIB))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run(
        command(bench), preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert done.returncode == 6, done.stderr
    assert done.stderr.count("error: ") == done.stderr.count("hint: ") == 1
    bench.check_packs()


@pytest.mark.needs("strace")
def test_a_disk_that_fails_at_the_end(bench: Bench) -> None:
    """EIO from fsync means that the bytes may be lost: the file must not get its name."""
    inject = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO"]
    done = subprocess.run(inject + command(bench), capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr
    assert "Input/output error" in done.stderr
    assert not bench.bundle.exists()
    bench.check_packs()


def test_two_runs_at_once(bench: Bench) -> None:
    bench.proxy.rule = lambda r: Fault(stall=3) if str(bench.big.digest) in r.path else None
    first = subprocess.Popen(command(bench), stderr=subprocess.DEVNULL)
    journal = bench.bundle.with_name("b.tar.partial.journal")
    for _ in range(200):
        if journal.exists() and bench.proxy.count("GET", str(bench.big.digest)):
            break
        time.sleep(0.05)
    ended = bench.pack()
    assert ended.code == 6, ended.err
    assert len(ended.errors) == len(ended.hints) == 1
    assert first.wait(60) == 0
    assert bench.bundle.exists()


def test_a_folder_in_the_way(bench: Bench) -> None:
    bench.bundle.mkdir()
    ended = bench.pack()
    assert ended.code == 2
    assert "is a directory" in ended.errors[0]


def test_a_planted_link_is_not_followed(bench: Bench) -> None:
    victim = bench.folder / "victim"
    victim.write_text("precious")
    bench.bundle.with_name("b.tar.partial").symlink_to(victim)
    ended = bench.pack()
    bench.check_failed(ended, 6)
    assert victim.read_text() == "precious"


def test_an_older_bundle_stays_until_the_new_one_is_whole(bench: Bench) -> None:
    bench.bundle.write_text("old")
    bench.proxy.rule = lambda r: Fault(status=404) if str(bench.big.digest) in r.path else None
    assert bench.pack().code == 3
    assert bench.bundle.read_text() == "old"
    bench.proxy.rule = lambda _: None
    assert bench.pack().code == 0
    assert bench.bundle.stat().st_size > 12 * MIB


@pytest.mark.parametrize(
    "fault",
    [Fault(status=429, headers={"Retry-After": "300"}), Fault(stall=300)],
    ids=["asked to wait", "no bytes come"],
)
@pytest.mark.parametrize("part", ["/manifests/", "/blobs/"])
def test_ctrl_c_does_not_wait(bench: Bench, fault: Fault, part: str) -> None:
    bench.proxy.rule = lambda r: fault if part in r.path else None
    process = subprocess.Popen(command(bench), stderr=subprocess.PIPE, text=True)
    while not bench.proxy.count("GET", part):
        time.sleep(0.05)
    time.sleep(0.2)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert time.monotonic() - begun < 5
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("number", "code", "times"),
    [(signal.SIGINT, 130, 6), (signal.SIGTERM, 143, 6), (signal.SIGKILL, -9, 100)],
)
def test_stopped_at_any_time(bench: Bench, number: signal.Signals, code: int, times: int) -> None:
    """The re-run ends with the same bytes as a run that nobody stopped.

    Each run takes up what the one before it left; the moments are spread over a whole run.
    """
    assert bench.pack().code == 0
    whole = bench.bundle.read_bytes()
    bench.bundle.unlink()
    bench.proxy.rule = lambda r: Fault(stall=0.2) if "/blobs/" in r.path else None
    chance = random.Random(number)
    for _ in range(times):
        asked = bench.proxy.count("GET", "/")
        process = subprocess.Popen(command(bench), stderr=subprocess.PIPE, text=True)
        # Before that it is the interpreter that starts, and a signal is not airgap's to answer.
        while bench.proxy.count("GET", "/") == asked and process.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.8))
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        assert process.returncode in (code, 0, -number), said
        assert "Traceback" not in said or process.returncode == -number
        if process.returncode == 0 or bench.bundle.exists():  # it had its name already
            assert bench.bundle.read_bytes() == whole
            bench.bundle.unlink()
    bench.proxy.rule = lambda _: None
    assert bench.pack().code == 0
    assert bench.bundle.read_bytes() == whole
