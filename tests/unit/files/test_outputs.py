"""What may be written under a name, and what stays as it is."""

import ast
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import airgap
from airgap.errors import ResourceError
from airgap.files import outputs
from airgap.files.outputs import New

NOBODY = 65534

OWN_WAYS = {
    "bundle": "the bundle grows, and is taken up where an earlier run left it",
    "cluster": "/etc/hosts may be a mount; nodes and private folders, which nobody names",
    "files": "the place itself",
    "serve": "in a private folder",
}


def device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this machine lets nobody make a device, not even root")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def link(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def linked(path: Path) -> None:
        make(path.with_name("far"))
        path.symlink_to("far")

    return linked


KINDS = [
    pytest.param(device, "a device", id="device", marks=pytest.mark.needs("root")),
    pytest.param(pipe, "a pipe", id="pipe"),
    pytest.param(unix_socket, "a socket", id="socket"),
    pytest.param(Path.mkdir, "a folder", id="folder"),
    pytest.param(link(device), "a device", id="link to a device", marks=pytest.mark.needs("root")),
    pytest.param(link(pipe), "a pipe", id="link to a pipe"),
    pytest.param(link(Path.mkdir), "a folder", id="link to a folder"),
]


@pytest.mark.parametrize(("make", "said"), KINDS)
def test_what_is_no_file_is_refused_and_stays(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "out"
    make(path)
    before = path.lstat(), path.stat()
    for use in (outputs.check, outputs.landing, lambda p: outputs.write(p, b"new")):
        with pytest.raises(ResourceError, match=f"{path} is {said}") as caught:
            use(path)
        assert caught.value.hint
    assert [s.st_ino for s in before] == [path.lstat().st_ino, path.stat().st_ino]
    assert stat.S_IFMT(before[1].st_mode) == stat.S_IFMT(path.stat().st_mode)


@pytest.mark.parametrize("target", ["there", "not yet there"])
def test_a_link_is_followed(tmp_path: Path, target: str) -> None:
    far = tmp_path / "disk" / "far.tar"
    far.parent.mkdir()
    if target == "there":
        far.write_bytes(b"old")
    middle, path = tmp_path / "middle", tmp_path / "out"
    middle.symlink_to("disk/far.tar")
    path.symlink_to(middle)
    assert outputs.landing(path) == far
    outputs.write(path, b"new")
    assert far.read_bytes() == b"new"
    assert path.is_symlink()
    assert middle.is_symlink()
    assert [f.name for f in far.parent.iterdir()] == ["far.tar"]


def test_links_in_a_circle(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.symlink_to("out")
    with pytest.raises(ResourceError, match=r"cannot write .*/out: Too many levels"):
        outputs.check(path)


@pytest.mark.needs("root")
@pytest.mark.parametrize("mode", [0o777, 0o1777], ids=["open", "sticky"])
@pytest.mark.parametrize("target", ["there", "not yet there"])
def test_a_planted_link_is_refused(tmp_path: Path, mode: int, target: str) -> None:
    victim, share = tmp_path / "victim", tmp_path / "share"
    share.mkdir()
    share.chmod(mode)
    if target == "there":
        victim.write_bytes(b"precious")
    (share / "ca.crt").symlink_to(victim)
    os.chown(share / "ca.crt", NOBODY, NOBODY, follow_symlinks=False)
    for use in (outputs.check, lambda p: outputs.write(p, b"new")):
        with pytest.raises(ResourceError, match=r"ca\.crt is a link that another user made"):
            use(share / "ca.crt")
    assert not victim.exists() or victim.read_bytes() == b"precious"


@pytest.mark.needs("root")
def test_a_link_of_the_folder_s_own_user_is_followed(tmp_path: Path) -> None:
    """As where root writes into somebody's home by sudo."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "out").symlink_to("data")
    for path in (home, home / "out"):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    outputs.write(home / "out", b"new")
    assert (home / "data").read_bytes() == b"new"


@pytest.mark.needs("root")
def test_an_older_file_keeps_owner_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, NOBODY, NOBODY)
    outputs.write(path, b"new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (NOBODY, NOBODY, 0o640)


@pytest.mark.parametrize(("mode", "made"), [(0o666, 0o640), (0o600, 0o600)])
def test_a_new_file_has_its_mode_less_the_umask(tmp_path: Path, mode: int, made: int) -> None:
    before = os.umask(0o027)
    try:
        outputs.write(tmp_path / "out", b"new", mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == made


def test_what_was_there_outlives_a_write_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(ResourceError, match=f"cannot write {path}: Input/output error"):
        outputs.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no/out", "No such file or directory"),
        ("file/out", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_a_place_that_takes_no_file_is_found_at_once(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match=f"cannot write .*: {said}") as caught:
        outputs.check(tmp_path / name)
    assert caught.value.hint


def test_new_files_are_made_together_or_not_at_all(tmp_path: Path) -> None:
    secret, public = tmp_path / "k.key", tmp_path / "k.pub"
    public.write_bytes(b"there")
    with pytest.raises(ResourceError, match=f"cannot write {public}: File exists"):
        outputs.create([New(secret, b"s", 0o600), New(public, b"p")])
    assert not secret.exists()
    assert public.read_bytes() == b"there"
    public.unlink()
    outputs.create([New(secret, b"s", 0o600), New(public, b"p")])
    assert (secret.read_bytes(), public.read_bytes()) == (b"s", b"p")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_nothing_else_writes_files() -> None:
    """Whoever writes a file calls ``outputs.write``, or is of a room in the table above."""
    top = Path(airgap.__file__).parent
    found = {
        str(path.relative_to(top))
        for path in top.rglob("*.py")
        if any(map(_writes, ast.walk(ast.parse(path.read_text()))))
    }
    others = {name for name in found if name.partition("/")[0] not in OWN_WAYS}
    assert not others, "use airgap.files.outputs.write"


def _writes(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in ("write_bytes", "write_text", "O_CREAT")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        modes = [a.value for a in ast.walk(node) if isinstance(a, ast.Constant)]
        return name == "open" and any(
            isinstance(m, str) and m in {"w", "wb", "a", "ab", "x", "xb", "r+b"} for m in modes
        )
    return False


def test_what_breaks_off_half_way_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise ResourceError("the medium cannot be read")

    path = tmp_path / "images.tar"
    path.write_bytes(b"old")
    with pytest.raises(ResourceError, match="medium"):
        outputs.stream(path, pieces())
    assert path.read_bytes() == b"old"
    assert [left.name for left in tmp_path.iterdir()] == ["images.tar"]
    outputs.stream(path, [b"all ", memoryview(b"of it")])
    assert path.read_bytes() == b"all of it"
