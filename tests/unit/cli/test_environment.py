"""Places of the environment that may not be entered, or are not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airgap.cli import environment
from tests.support.bundles import Content, write

AIRGAP = Path(sys.executable).with_name("airgap")
NOBODY = 65534
# Without capabilities root may enter its own folders only, as anybody else.
ALONE = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    content = Content()
    content.simple("nginx:1.27", 1, 1000)
    write(content, tmp_path / "b.tar")
    return tmp_path / "b.tar"


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A home that its user alone may enter."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    return home


def ran(arguments: list[str], **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [*ALONE, str(AIRGAP), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "fault" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.needs("root")
@pytest.mark.parametrize("name", ["HOME", "DOCKER_CONFIG"])
def test_credentials_that_cannot_be_read_are_none(bundle: Path, closed: Path, name: str) -> None:
    (bundle.parent / "no.tar").touch()
    path = closed / ".docker" / "config.json" if name == "HOME" else closed / "config.json"
    code, said = ran(
        ["push", str(bundle.parent / "no.tar"), "127.0.0.1:1/x"], **{name: str(closed)}
    )
    assert code == 3, said
    assert f"warning: cannot read {path}: Permission denied: no credentials are used" in said


@pytest.mark.parametrize(
    ("set_to", "is_plain"),
    [({"TERM": "dumb"}, True), ({"TERM": "xterm", "CI": "true"}, True), ({"TERM": "xterm"}, False)],
)
def test_a_dumb_terminal_and_a_log_of_ci_get_no_bar(
    set_to: dict[str, str], is_plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    assert environment.plain() == is_plain


def test_without_a_home_there_are_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert environment.docker_config() is None
    assert environment.kubeconfigs() == []


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "{closed}/b.tar"],
        ["verify", "{closed}/b.tar"],
        ["serve", "{closed}/b.tar"],
        ["sign", "{closed}/b.tar", "--key", "{closed}/k"],
        ["verify", "{bundle}", "--key", "{closed}/k.pub"],
        ["push", "{closed}/b.tar", "127.0.0.1:1"],
        ["push", "{bundle}", "127.0.0.1:1", "--ca", "{closed}/ca.crt"],
        ["pack", "{closed}/images.txt", "--images-only", "-o", "{bundle}2"],
        ["pack", "{bundle}", "--images-only", "-o", "{closed}/b.tar"],
        ["pack", "{bundle}", "--images-only", "-o", "{bundle}2", "--reuse", "{closed}/b.tar"],
        ["unpack", "{closed}/b.tar"],
        ["unpack", "{bundle}", "--kubeconfig", "{closed}/config"],
    ],
    ids=lambda arguments: " ".join(a for a in arguments if not a.startswith("{")),
)
def test_a_file_in_a_folder_that_may_not_be_searched(
    bundle: Path, closed: Path, arguments: list[str]
) -> None:
    if "--reuse" in arguments:
        arguments[1] = "{images}"
    images = bundle.with_name("images.txt")
    images.write_text("nginx:1.27\n")
    given = [a.format(closed=closed, bundle=bundle, images=images) for a in arguments]
    check_denied(*ran(given, HOME="/nowhere"), closed)


@pytest.mark.needs("root")
def test_a_file_that_may_not_be_read(bundle: Path) -> None:
    bundle.chmod(0o600)
    os.chown(bundle, NOBODY, NOBODY)
    for command in (["inspect"], ["verify"], ["serve"], ["unpack"], ["push", "127.0.0.1:1"]):
        check_denied(*ran([command[0], str(bundle), *command[1:]], HOME="/nowhere"), bundle)


def check_denied(code: int, said: str, path: Path) -> None:
    (error,) = [line for line in said.split("\n") if line.startswith("error: ")]
    assert code == 6, said
    assert str(path) in error
    assert "Permission denied" in error
    assert "hint: " in said
