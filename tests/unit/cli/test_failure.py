import errno
import os
import signal
import subprocess
import sys

import click
import pytest

from airgap.cli import app, failure


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "no more memory"),
        (RuntimeError("can't start new thread"), "no further thread"),
        (OSError(errno.EMFILE, "Too many open files"), "no further open file"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/root/x"),
            "/root/x: Permission denied",
        ),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_what_the_host_lacks_is_exit_6_and_no_fault(error: BaseException, said: str) -> None:
    told = failure.of(error)
    assert told.exit_code == 6
    assert said in told.message
    assert told.hint


def test_a_fault_of_ours_is_told_as_one() -> None:
    told = failure.of(KeyError("x"))
    assert told.exit_code == 1
    assert told.message.startswith("a fault in airgap: KeyError")


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGHUP, "the terminal was closed"), (signal.SIGTERM, "terminated")]
)
def test_signals_have_their_codes(number: signal.Signals, said: str) -> None:
    told = failure.of(failure.Terminated(number))
    assert (told.exit_code, told.message) == (128 + number, said)


@pytest.mark.parametrize("given", [["-vv"], ["-vvv"], ["-qvv"], ["--verbose", "--verbose"]])
def test_every_spelling_of_vv_shows_the_traceback(
    given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a fault")

    monkeypatch.setattr("airgap.bundle.reader.Bundle.open", broken)
    assert app.run(["verify", os.devnull, *given]) == 1
    assert "Traceback" in capsys.readouterr().err
    assert app.run(["verify", os.devnull, "-v"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_bare_airgap_is_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run([]) == click.UsageError.exit_code
    err = capsys.readouterr().err
    assert err.startswith("Usage: airgap")
    assert "hint:" not in err


def test_help_at_80_columns_has_whole_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert app.run(["--help"]) == 0
    whole = capsys.readouterr().out
    for name, command in app.cli.commands.items():
        sentence = (command.help or "").partition("\n")[0].rstrip(".")
        assert f"  {name}" in whole
        assert sentence in whole, "cut off, or broken over two lines"
        assert app.run([name, "--help"]) == 0
        assert all(len(line) <= 80 for line in capsys.readouterr().out.split("\n")), name
    assert all(len(line) <= 80 for line in whole.split("\n"))
    assert whole.index("\n  pack ") < whole.index("\n  verify ") < whole.index("\n  unpack ")


@pytest.mark.parametrize("arguments", [["--help"], ["pack", "--help"], ["keygen", "--help"]])
def test_help_is_whole_where_python_drops_docstrings(arguments: list[str]) -> None:
    texts = {
        subprocess.check_output([sys.executable, *flags, "-c", _MAIN, *arguments], text=True)
        for flags in ([], ["-OO"])
    }
    assert len(texts) == 1


_MAIN = "import sys; from airgap.cli import main; sys.argv[0] = 'airgap'; main()"
