"""The lines that take airgap out of a bundle run it only where it is what SHA256SUMS says."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from airgap.bundle import tar
from airgap.bundle.reader import Bundle
from airgap.oci.platform import Platform
from airgap.pack.carried.page import Facts, page
from tests.support.bundles import sample, write

ROOT = Path(__file__).parents[2]
TOOL = "airgap/bin/airgap"
AMD64 = Platform("linux", "amd64")
PAGES = ("README.md", "docs/guide/unpack.md", "docs/guide/release.md")
TARS = ("tar", *(pytest.param(n, marks=pytest.mark.needs(n)) for n in ("bsdtar", "busybox")))
GOOD, BAD = b"#!/bin/sh\necho ran: $*\n", b"#!/bin/sh\necho owned\n"


def lines(text: str) -> str:
    found = re.search(r"^ *tar xf \S+ SHA256SUMS .*\n *grep .*$", text, re.M)
    assert found
    return re.sub(r"^ +", "", found[0], flags=re.M).replace("FILE", "bundle.tar")


def test_every_page_says_the_same() -> None:
    texts = [(ROOT / name).read_text() for name in PAGES]
    own = page(Facts("shop", 1, AMD64, cluster=True, tool=AMD64, program="airgap-linux-amd64"))
    (said,) = {lines(text) for text in texts}
    proved = said.partition("&&")[0]
    assert lines(own).startswith(proved)
    for text in [*texts, own]:
        assert "airgap/bin &&" not in text


@pytest.fixture(params=TARS)
def block(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Run the lines in a folder with the bundle, with tools of one kind; returns what is said."""
    kind = request.param
    programs = tmp_path / "programs"
    programs.mkdir()
    names = ("tar", "grep", "sha256sum") if kind == "busybox" else ("tar",)
    for name in names:
        words = f"busybox {name}" if kind == "busybox" else kind
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {shutil.which(kind)} {words.partition(" ")[2]} "$@"\n')
        program.chmod(0o755)

    def run() -> str:
        environment = {"PATH": f"{programs}:/usr/bin:/bin"}
        script = lines((ROOT / "README.md").read_text())
        done = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return f"{done.returncode} {done.stdout}"

    return run


def carrying(path: Path, tool: bytes | None) -> None:
    write(sample(), path, extras=[(TOOL, tool)] if tool else [])


def test_the_carried_program_runs(block: Callable[[], str], tmp_path: Path) -> None:
    carrying(tmp_path / "bundle.tar", GOOD)
    said = block()
    assert said.startswith("0 ")
    assert "ran: unpack bundle.tar" in said


def appended(data: bytes, name: str, body: bytes) -> bytes:
    end = len(data) - len(tar.END)
    return data[:end] + tar.header(name, len(body)) + body + bytes(tar.pad(len(body))) + tar.END


def test_one_that_was_appended_does_not(block: Callable[[], str], tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar"
    for tool in (None, GOOD):
        carrying(path, tool)
        path.write_bytes(appended(path.read_bytes(), TOOL, BAD))
        said = block()
        assert "owned" not in said
        assert not said.startswith("0 ")


def test_one_that_was_altered_does_not(block: Callable[[], str], tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar"
    carrying(path, GOOD)
    with Bundle.open(path) as bundle:
        at = next(member.at for member in bundle.members() if member.name == TOOL)
    data = bytearray(path.read_bytes())
    data[at : at + len(BAD)] = BAD
    path.write_bytes(data)
    said = block()
    assert "owned" not in said
    assert not said.startswith("0 ")


def test_none_is_none(block: Callable[[], str], tmp_path: Path) -> None:
    carrying(tmp_path / "bundle.tar", None)
    assert not block().startswith("0 ")
