import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.cluster.command import run
from airgap.errors import ClusterError, InputError


def test_a_stream_goes_in_and_the_output_comes_out() -> None:
    data = [memoryview(b"x" * 100_000)] * 20
    assert run(["cat"], stdin=data) == b"x" * 2_000_000


def test_no_shell_reads_the_arguments() -> None:
    assert run(["echo", "$(id); a b"]) == b"$(id); a b\n"


def test_a_program_that_stops_reading_tells_why_by_its_exit_code() -> None:
    with pytest.raises(ClusterError, match=r"false failed \(1\)"):
        run(["false"], stdin=[b"x" * 1_000_000] * 5)


def test_a_stream_that_fails_never_ends_as_a_complete_one() -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 1000
        raise InputError("the blob is wrong")

    with pytest.raises(InputError, match="the blob is wrong"):
        run(["cat"], stdin=broken())


def test_it_may_not_take_for_ever() -> None:
    begun = time.monotonic()
    with pytest.raises(ClusterError, match="did not end within 1 s"):
        run(["sleep", "30"], seconds=1)
    assert time.monotonic() - begun < 10


def test_what_was_left_no_time_says_who_took_it() -> None:
    with pytest.raises(ClusterError, match="sleep 30 had no time left: what was asked before"):
        run(["sleep", "30"], seconds=0.1)


@pytest.mark.parametrize("ending", ["time", "stream"])
def test_its_children_end_with_it(tmp_path: Path, ending: str) -> None:
    """As docker, which kind starts, has to end with kind before anything is undone."""
    pid_file = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pid_file}; wait"

    def broken() -> Iterator[bytes]:
        yield b"x"
        while not pid_file.exists() or not pid_file.read_text().strip():
            time.sleep(0.01)
        raise InputError("the blob is wrong")

    stdin = broken() if ending == "stream" else b""
    with pytest.raises((ClusterError, InputError)):
        run(["sh", "-c", script], stdin=stdin, seconds=1 if ending == "time" else 30)
    pid = int(pid_file.read_text())
    for _ in range(100):
        if not _runs(pid):
            break
        time.sleep(0.05)
    assert not _runs(pid)


def test_a_program_that_is_tied_ends_with_this_process_however_that_ends(tmp_path: Path) -> None:
    """And what it started, whose work nobody waits for any more."""
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; wait"
    words = f"from airgap.cluster.command import run; run(['sh', '-c', {script!r}], tied=True)"
    process = subprocess.Popen([sys.executable, "-c", words])
    for _ in range(600):
        if pids.exists():
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    found = [int(pid) for pid in pids.read_text().split()]
    for _ in range(100):
        if not any(map(_runs, found)):
            break
        time.sleep(0.05)
    assert not any(map(_runs, found))


def test_a_program_that_is_tied_reads_nothing_and_tells_what_it_said() -> None:
    assert run(["sh", "-c", "cat; echo said"], tied=True) == b"said\n"
    with pytest.raises(ClusterError, match=r"^sh -c 'exit 3' failed \(3\)"):
        run(["sh", "-c", "exit 3"], tied=True)
    with pytest.raises(ClusterError, match=r"^sleep 30 did not end within 1 s"):
        run(["sleep", "30"], seconds=1, tied=True)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_a_program_is_told_no_secret_of_this_process() -> None:
    kept = {
        "PATH": os.environ["PATH"], "HOME": "/root", "LC_ALL": "C", "https_proxy": "http://p:1",
        "DOCKER_HOST": "unix:///d", "DOCKER_CONFIG": "/c", "KIND_EXPERIMENTAL_DOCKER_NETWORK": "k",
    }  # fmt: skip
    secret = {
        "AWS_SECRET_ACCESS_KEY": "x", "GITHUB_TOKEN": "x", "DOCKER_AUTH_CONFIG": "x",
        "MY_PATH": "x", "LD_PRELOAD": "", "AIRGAP_PASSWORD": "x",
    }  # fmt: skip
    said = run(["env"], env={**kept, **secret}).decode()
    found = dict(line.split("=", 1) for line in said.splitlines())
    assert {name: found[name] for name in kept} == kept
    assert not found.keys() & secret.keys()


def test_nor_where_nothing_is_said_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    assert b"GITHUB_TOKEN" not in run(["env"])
