"""The commands of CONTRIBUTING.md are there, and name what is there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
PAGE = (REPO / "CONTRIBUTING.md").read_text()
COMMANDS = [
    shlex.split(line, comments=True)
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    for line in block.splitlines()
]
LIGHT = {
    "scripts/install": [],
    "scripts/mutants": ["--sample", "0"],
    ".venv/bin/python": ["--collect-only", "-q", "-p", "no:cacheprovider"],
}
"""Those that are run here, and what makes them do little; the others are what CI is made of."""


def run(*command: str, folder: Path) -> None:
    environment = os.environ | {
        "TMPDIR": str(folder),
        "PATH": f"{REPO}/.venv/bin:{os.environ['PATH']}",
    }
    done = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_commands() -> None:
    assert {command[0] for command in COMMANDS} >= {"scripts/test", "scripts/lint", *LIGHT}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_and_what_it_names_is_there(command: list[str], tmp_path: Path) -> None:
    program, *words = command
    if program.startswith("scripts/"):
        assert os.access(REPO / program, os.X_OK)
        if "bash" in (REPO / program).read_text().splitlines()[0]:
            run("bash", "-n", program, folder=tmp_path)
    for word in words:
        if word.startswith(("tests/", "airgap/", "docs/")):
            assert (REPO / word).exists(), word
    if program in LIGHT:
        start = [sys.executable] if program != "scripts/install" else [program]
        rest = words if program != "scripts/mutants" else [program, *words]
        run(*start, *rest, *LIGHT[program], folder=tmp_path)


def test_pages_that_it_links_to_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (REPO / target).exists(), target
