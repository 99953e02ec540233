"""What happens to a result when nobody takes it: run as processes of their own."""

import functools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.bundles import Content, write

_AIRGAP = [sys.executable, "-c", "from airgap.cli import main; main()"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results") / "b.tar"
    content = Content()
    for number in range(300):
        content.simple(f"library/image-{number}:1.27", number, 100)
    write(content, path)
    return path


def shell(line: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which ``"$@"`` is airgap with its arguments."""
    command = ["bash", "-o", "pipefail", "-c", line, "bash", *_AIRGAP, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("command", ["inspect", "verify"])
@pytest.mark.parametrize("place", ['"$@" > /dev/full', '"$@" >&-'])
def test_a_result_that_cannot_be_written_is_exit_6(bundle: Path, command: str, place: str) -> None:
    ran = shell(place, command, bundle)
    assert ran.returncode == 6
    first, second = ran.stderr.strip().split("\n")
    assert first.startswith("error: the result could not be written to standard output: ")
    assert second.startswith("hint: ")


@pytest.mark.parametrize("arguments", [["--help"], ["pack", "--help"], ["--version"]])
def test_help_that_cannot_be_written_is_exit_6(arguments: list[str]) -> None:
    ran = shell('"$@" > /dev/full', *arguments)
    assert ran.returncode == 6
    assert ran.stderr.startswith("error: ")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("command", ["inspect", "verify", "--help"])
def test_a_reader_that_leaves_is_a_quiet_141(bundle: Path, command: str) -> None:
    more = [] if command == "--help" else [bundle]
    ran = shell('{ sleep 0.1; "$@"; } | true', command, *more)
    assert ran.returncode == 128 + signal.SIGPIPE
    assert ran.stderr == ""


@pytest.mark.parametrize("place", ['"$@" 2>&-', '"$@" 2>/dev/full', '"$@" <&- 2>&-'])
def test_a_closed_or_full_stderr_is_nothing(bundle: Path, place: str) -> None:
    ran = shell(place, "verify", bundle)
    assert ran.returncode == 0
    assert "Verified: " in ran.stdout


def test_the_exit_code_of_a_failure_outlives_a_closed_stderr(tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar"
    bad.write_bytes(b"no bundle")
    for place in ('"$@" 2>&-', '"$@" 2>/dev/full', '"$@" >&- 2>&-'):
        assert shell(place, "verify", bad).returncode == 3


def test_latin_1_takes_every_result(bundle: Path) -> None:
    ran = shell('PYTHONIOENCODING=latin-1 "$@"', "inspect", bundle)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("bundle ")


@contextmanager
def serving(
    bundle: Path, *options: str, prepare: Callable[[], object] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve a bundle in a process of its own; yields it, and its first line once it serves."""
    where = ("--plain-http", "--listen", "127.0.0.1:0")
    command = [*_AIRGAP, "serve", str(bundle), *where, *options]
    ran = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=prepare)  # noqa: PLW1509
    try:
        assert ran.stderr
        line = ran.stderr.readline()
        assert line
        yield ran, line
    finally:
        ran.kill()
        ran.wait()
        if ran.stderr and not ran.stderr.closed:
            ran.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_server_that_is_ended_has_done_its_work(bundle: Path, number: signal.Signals) -> None:
    heard = functools.partial(signal.signal, number, signal.SIG_DFL)
    with serving(bundle, prepare=heard) as (ran, _):
        ran.send_signal(number)
        ran.communicate(timeout=20)
        assert ran.returncode == 0


def test_who_hears_of_a_server_may_leave_before_it_ends(bundle: Path) -> None:
    with serving(bundle, "-v") as (ran, line):
        (address,) = re.findall(r"127\.0\.0\.1:\d+", line)
        assert ran.stderr
        ran.stderr.close()
        with urlopen(f"http://{address}/v2/") as answer:  # told with -v, and nobody hears it
            assert answer.status == 200
        ran.terminate()
        assert ran.wait(20) == 0


def test_nohup_is_respected(bundle: Path) -> None:
    ignored = functools.partial(signal.signal, signal.SIGHUP, signal.SIG_IGN)
    with serving(bundle, prepare=ignored) as (ran, _):
        ran.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            ran.wait(0.5)
        ran.terminate()
        ran.communicate(timeout=20)


def _json(*arguments: object, place: str = '"$@"') -> tuple[int, dict[str, object]]:
    ran = shell(place, *arguments)
    return ran.returncode, json.loads(ran.stdout)


def test_a_failure_is_json_too(tmp_path: Path) -> None:
    code, told = _json("verify", tmp_path / "none.tar", "--json")
    assert code == told["exit_code"] != 0
    assert str(tmp_path / "none.tar") in str(told["error"])
    assert told.keys() == {"version", "error", "hint", "exit_code"}


def test_wrong_usage_is_json_too() -> None:
    code, told = _json("pack", "--json")
    assert (code, told["exit_code"]) == (2, 2)
    assert "Missing argument" in str(told["error"])


def test_no_json_where_none_was_asked_for(tmp_path: Path) -> None:
    ran = shell('"$@"', "verify", tmp_path / "none.tar")
    assert ran.stdout == ""


def test_completion_says_nothing_of_faults() -> None:
    environment = {**os.environ, "_AIRGAP_COMPLETE": "bash_source"}
    ran = subprocess.run(_AIRGAP, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "_airgap_completion" in ran.stdout
    environment |= {
        "_AIRGAP_COMPLETE": "bash_complete",
        "COMP_WORDS": "airgap un",
        "COMP_CWORD": "1",
    }
    ran = subprocess.run(_AIRGAP, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0
    assert ran.stdout.split() == ["plain,unpack"]
    assert ran.stderr == ""
