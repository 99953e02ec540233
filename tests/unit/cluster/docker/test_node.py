"""Commands on a node: what each does there, and how long it may take."""

import hashlib
import json
import os
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from airgap.cluster import store
from airgap.cluster.docker import node as room
from airgap.cluster.docker.node import Node
from airgap.cluster.ports import Clock, Patience
from airgap.errors import ClusterError
from tests.unit.cluster.docker.test_containers import container


class Slow:
    """Stands for docker: each command takes so many seconds of a clock of its own."""

    def __init__(self, seconds: float) -> None:
        self.now, self.takes, self.given = 100.0, seconds, list[float]()

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now)

    def run(self, command: list[str], *, seconds: float, **_: Any) -> bytes:
        self.given.append(round(seconds, 3))
        self.now += self.takes
        return b"x\nf 1 2 3\n" if "df " in command[-1] else b""


def node(patience: Patience) -> Node:
    return Node("n", seconds=patience.command, left=patience.left)


def test_commands_of_a_quick_look_share_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(2.5)
    monkeypatch.setattr(room, "run", slow.run)
    one = node(Patience.within(7, slow.clock))
    for _ in range(3):
        one.free_space()
    store.look(one)
    assert slow.given == [7, 4.5, 2, 0.1], "one alone may take all, and all together no more"


def test_other_commands_have_a_time_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(100)
    monkeypatch.setattr(room, "run", slow.run)
    one = node(Patience())
    one.free_space()
    one.free_space()
    one.import_image("x", [b""])
    assert slow.given == [60, 60, 3600, 60]
    late = node(Patience.within(7, slow.clock))
    late.import_image("x", [b""])
    assert slow.given[4] == 3600, "what says how long it takes is not cut short"


@pytest.fixture
def inside(tmp_path: Path) -> Node:
    """A node whose commands run on this machine: its scripts are tried for real."""
    program = tmp_path / "docker"
    program.write_text('#!/bin/sh\n[ "$1 $2 $3" = "exec -i n" ] || exit 9\nshift 3\nexec "$@"\n')
    program.chmod(0o755)
    return Node("n", environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"})


def test_files_are_written_whole_and_read_back(inside: Node, tmp_path: Path) -> None:
    path = str(tmp_path / "a 'quoted' folder/file")
    assert inside.read_file(path) is None
    inside.write_file(path, b"y\nsecret\n", 0o600)
    assert inside.read_file(path) == b"y\nsecret\n"
    assert Path(path).stat().st_mode & 0o777 == 0o600
    inside.write_file(path, b"")
    assert inside.read_file(path) == b""
    assert [found.name for found in Path(path).parent.iterdir()] == ["file"]


def test_many_files_by_one_command(inside: Node, tmp_path: Path) -> None:
    top = str(tmp_path / "certs.d")
    assert inside.digests(top) == {}
    written = {f"{top}/{name}/hosts.toml": f"server {name}".encode() for name in ("a", "b c")}
    inside.write_files(written)
    assert inside.digests(top) == {
        path: hashlib.sha256(content).hexdigest() for path, content in written.items()
    }
    assert inside.files_with(top, "server b") == [f"{top}/b c/hosts.toml"]
    assert inside.files_with(top, "-e") == []
    assert inside.files_with(f"{top}/absent", "server") == []
    inside.remove_files([f"{top}/b c/hosts.toml"])
    assert [found.name for found in Path(top).iterdir()] == ["a"]
    inside.remove_files([])
    assert inside.remove_folder(top)
    assert not inside.remove_folder(top)
    assert not Path(top).exists()


def test_a_command_that_fails_names_the_node(inside: Node) -> None:
    with pytest.raises(ClusterError, match=r"docker exec .* n "):
        inside.run("sh", "-c", "echo broken >&2; exit 3")


def listing(folder: Path, text: str) -> Path:
    """Stand for containerd's program: answers ``text``, and keeps what it was asked."""
    (folder / "said").write_text(text)
    for name in ("ctr", "containerd"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {folder}/asked\ncat {folder}/said\n')
        program.chmod(0o755)
    return folder / "asked"


def test_images_of_a_repository_are_removed_and_no_others(inside: Node, tmp_path: Path) -> None:
    """With the name that a digest of the config gives, unless another name means the same."""
    images = {
        "r/app:1": "sha256:1", "r/app@sha256:1": "sha256:1", "sha256:c1": "sha256:1",
        "r/app:2": "sha256:2", "r/apple:1": "sha256:2", "sha256:c2": "sha256:2",
        "r/other:1": "sha256:3", "sha256:c3": "sha256:3",
    }  # fmt: skip
    lines = [f"{name} application/x {digest} 5 MiB -" for name, digest in images.items()]
    asked = listing(tmp_path, "\n".join(["REF TYPE DIGEST SIZE PLATFORMS", *lines]))
    assert inside.remove_images("r/app") == ["r/app:1", "r/app@sha256:1", "r/app:2"]
    gone = "r/app:1 r/app@sha256:1 r/app:2 sha256:c1"
    assert asked.read_text().splitlines()[1:] == [f"-n k8s.io images rm {gone}"]
    asked.unlink()
    assert inside.remove_images("r/none") == []
    assert len(asked.read_text().splitlines()) == 1


def test_an_image_is_known_by_name_and_digest(inside: Node, tmp_path: Path) -> None:
    listing(tmp_path, "REF TYPE DIGEST\nr/app:1 application/x sha256:aa 5 MiB\n")
    assert inside.has_image("r/app:1", "sha256:aa")
    assert not inside.has_image("r/app:1", "sha256:bb")
    assert not inside.has_image("r/app", "sha256:aa")


def test_containers_are_asked_for_by_their_namespace(inside: Node, tmp_path: Path) -> None:
    program = tmp_path / "ctr"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/asked\n[ "$4" = ls ] && echo 1 2\n'
        f'[ "$4" = ls ] || cat {tmp_path}/said-"$5"\n'
    )
    program.chmod(0o755)
    for number, name in (("1", "writer"), ("2", "reader")):
        text = json.dumps(container("app-1", name, f"sha256:{number}"), indent=4)
        (tmp_path / f"said-{number}").write_text(text)
    assert inside.containers("shop") == {
        ("app-1", "writer"): "sha256:1",
        ("app-1", "reader"): "sha256:2",
    }
    wanted = 'labels."io.cri-containerd.kind"==container,labels."io.kubernetes.pod.namespace"==shop'
    assert (tmp_path / "asked").read_text().splitlines()[0] == (
        f"-n k8s.io containers ls -q {wanted}"
    )
    (tmp_path / "said-2").write_text("[]")
    with pytest.raises(ClusterError, match=r"^n does not say what its containers"):
        inside.containers("shop")


def test_an_import_is_pinned(inside: Node, tmp_path: Path) -> None:
    asked = listing(tmp_path, "")
    inside.import_image("r/app:1", [b"archive"])
    assert asked.read_text().splitlines() == [
        "-n k8s.io images import -",
        "-n k8s.io images label r/app:1 io.cri-containerd.pinned=pinned",
    ]


@pytest.mark.parametrize(
    ("said", "fixed"),
    [
        ("containerd github.com/containerd v1.7.32 abc", "1.7.33"),
        ("containerd v1.7.33", None),
        ("containerd v2.2.4", "2.2.5"),
        ("containerd 2.3.2", None),
        ("containerd v3.0.0", None),
        ("containerd from somewhere", None),
    ],
)
def test_a_containerd_with_a_known_hole(
    inside: Node, tmp_path: Path, said: str, fixed: str | None
) -> None:
    listing(tmp_path, said)
    warning = inside.containerd_warning()
    assert (warning is None) == (fixed is None)
    assert fixed is None or f"fixed in {fixed}" in str(warning)


def test_what_a_node_reaches_and_has_free(inside: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert inside.reaches("127.0.0.1", port)
    assert not inside.reaches("127.0.0.1", port)
    assert inside.free_space() > 0


def test_a_file_is_replaced_as_a_whole_and_what_reads_it_meanwhile_finds_the_old_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def here(command: list[str], *, stdin: bytes, **_: Any) -> bytes:
        return subprocess.run(command[4:], input=stdin, check=True, capture_output=True).stdout

    monkeypatch.setattr(room, "run", here)
    files = {
        f"{tmp_path}/certs.d/{name}/hosts.toml": name.encode() for name in ("a b", "c:5", "$x")
    }
    Node("n").write_files(dict.fromkeys(files, b"before"))
    with ExitStack() as stack:
        opened = [stack.enter_context(Path(path).open("rb")) for path in files]
        Node("n").write_files(files, 0o600)
        assert {file.read() for file in opened} == {b"before"}, "another file took the name"
    for path, content in files.items():
        assert Path(path).read_bytes() == content
        assert Path(path).stat().st_mode & 0o777 == 0o600
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == len(files)


def _active(*lines: str) -> bytes:
    """What ``ctr content active`` says."""
    return "".join(f"{line}\t\n" for line in ("REF\tSIZE\tAGE", *lines)).encode()


def test_what_is_being_fetched_is_the_same_where_nothing_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = [
        _active("ab\t1.2MB\t3 seconds", "aa\t0B\tLess than a second"),
        _active("aa\t0B\t2 seconds", "ab\t1.2MB\t4 seconds"),
        _active("aa\t9kB\t3 seconds", "ab\t1.2MB\t5 seconds"),
        _active(),
    ]
    monkeypatch.setattr(room, "run", lambda *_, **__: looks.pop(0))
    first, second, third, last = (Node("n").fetching() for _ in range(4))
    assert first == second
    assert second != third
    assert last == ""
