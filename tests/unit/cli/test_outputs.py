"""Every name that a command writes: what is no regular file is refused before all else."""

import os
import stat
from pathlib import Path

import pytest

from airgap.cli import app
from airgap.files import refusals
from airgap.signatures.secret_key import SecretKey
from tests.support.bundles import Content, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    content = Content()
    content.simple("nginx:1.27", 1, 1000)
    write(content, tmp_path / "b.tar")
    (tmp_path / "images.txt").write_text("nginx:1.27\n")
    return tmp_path


COMMANDS = [
    ["pack", "images.txt", "--images-only", "--registry-mirror", "docker.io=127.0.0.1:1", "-o"],
    ["serve", "b.tar", "--listen", "127.0.0.1:0", "--ca-out"],
    ["push", "b.tar", "127.0.0.1:1", "--failed"],
    ["export", "b.tar", "-o"],
    ["unpack", "b.tar", "--kubeconfig"],
    ["status", "--kubeconfig"],
    ["up", "--kubeconfig"],
    ["teardown", "--yes", "--kubeconfig"],
]


@pytest.mark.parametrize("linked", [False, True], ids=["itself", "a link to it"])
@pytest.mark.parametrize("command", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_a_pipe_stays_a_pipe(
    folder: Path,
    command: list[str],
    linked: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    os.mkfifo("pipe")
    if linked:
        Path("out").symlink_to("pipe")
    else:
        Path("pipe").rename("out")
    assert app.run([*command, "out"]) == 6
    error, hint = capsys.readouterr().err.strip().split("\n")
    assert error.startswith("error: out is a pipe, not a file")
    assert hint.startswith("hint: ")
    assert stat.S_ISFIFO(Path("out").stat().st_mode)
    more = {"pipe"} if linked else set()
    assert {path.name for path in folder.iterdir()} == {"b.tar", "images.txt", "out"} | more


def test_every_name_that_is_written_is_of_the_type_that_looks() -> None:
    written = {"output", "ca_out", "kubeconfig", "failed_path", "lock_path"}
    for command in app.cli.commands.values():
        for parameter in command.params:
            if parameter.name in written:
                assert type(parameter.type).__name__ == "_Output", (command.name, parameter.name)


@pytest.mark.parametrize("name", ["", "-"])
def test_what_is_no_name(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["pack", str(folder / "images.txt"), "--images-only", "-o", name]) == 2
    assert "is no name for a file" in capsys.readouterr().err


def test_a_signature_beside_a_bundle(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["keygen", str(folder / "k")]) == 0
    key = SecretKey.load(folder / "k.key", "")
    beside = folder / f"b.tar.{key.public.name}.minisig"
    os.mkfifo(beside)
    assert (
        app.run(["sign", str(folder / "b.tar"), "--key", str(folder / "k.key"), "--detached"]) == 6
    )
    assert f"{beside} is a pipe" in capsys.readouterr().err


def test_keygen_leaves_no_half_of_a_pair(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "k.pub").touch()
    assert app.run(["keygen", str(folder / "k")]) == 6
    assert f"cannot write {folder / 'k.pub'}: File exists" in capsys.readouterr().err
    assert not (folder / "k.key").exists()


def test_pack_lands_where_a_link_leads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = folder / "disk"
    disk.mkdir()
    (folder / "out.tar").symlink_to("disk/far.tar")
    content = Content()
    content.simple("nginx:1.27", 1, 1000)
    write(content, folder / "out.tar")
    assert (folder / "out.tar").is_symlink()
    assert [f.name for f in disk.iterdir()] == ["far.tar"]


def test_keygen_makes_no_secret_that_others_can_read(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "is_private", lambda _: False)
    assert app.run(["keygen", str(folder / "k")]) == 6
    said = capsys.readouterr().err
    assert f"{folder / 'k.key'} would be readable by others" in said
    assert "--force" in said
    assert not list(folder.glob("k.*"))
    assert app.run(["keygen", str(folder / "k"), "--force"]) == 0


def test_what_an_earlier_run_seems_to_have_left_is_looked_at_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(folder / "out.tar.partial")
    mirror = "docker.io=127.0.0.1:1"
    pack = ["pack", str(folder / "images.txt"), "--images-only", "--registry-mirror", mirror]
    assert app.run([*pack, "-o", str(folder / "out.tar")]) == 6
    said = capsys.readouterr().err
    assert "out.tar.partial is no plain file" in said
    assert "Looking up" not in said
