"""Man pages: one for airgap and each command, which man renders without a complaint."""

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from airgap.cli import app, man

COMMANDS = ["", *app.cli.list_commands(click.Context(app.cli))]
MADE = Path(__file__).parents[3] / "docs/reference/man"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_the_sections_and_every_option(command: str) -> None:
    text = man.page(app.cli, command)
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"):
        assert f"\n.SH {section}\n" in text
    one = app.cli.commands[command] if command else app.cli
    for parameter in one.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert max(parameter.opts, key=len).replace("-", "\\-") in text
    assert (".SH EXAMPLES" in text) == ("Example:" in (one.help or ""))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.needs("groff")
def test_groff_has_no_complaint(command: str) -> None:
    ran = subprocess.run(
        ["groff", "-man", "-Tutf8", "-wall", "-rLL=78n", "-P-cbuo"],
        input=man.page(app.cli, command).encode(), capture_output=True, check=True,
    )  # fmt: skip
    assert ran.stderr == b""
    assert "EXIT STATUS" in ran.stdout.decode()


@pytest.mark.skipif(not shutil.which("man"), reason="needs man")
def test_man_reads_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["help", "--man", "pack"]) == 0
    (tmp_path / "airgap-pack.1").write_text(capsys.readouterr().out)
    ran = subprocess.run(
        ["man", "-l", str(tmp_path / "airgap-pack.1")], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "MANPAGER": "cat", "TERM": "dumb", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    if "minimized" in ran.stdout:
        pytest.skip("this system has no man")
    assert "--registry-mirror" in ran.stdout, ran.stderr


def test_the_pages_of_the_wheel_are_all_of_them() -> None:
    assert {path.stem for path in MADE.glob("*.1")} == {man.name_of(name) for name in COMMANDS}


def test_there_is_a_page_for_commands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["help", "--man", "nonsense"]) == 2
    assert "no command 'nonsense'" in capsys.readouterr().err


def test_what_troff_would_take_for_its_own_is_written_so_that_it_does_not() -> None:
    assert man._text(".x \\ 'a' -b") == "\\&.x \\e \\(aqa\\(aq \\-b"
