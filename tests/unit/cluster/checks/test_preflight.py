import socket
from typing import Any

import pytest

from airgap.cluster.checks import preflight
from airgap.cluster.parameters import Parameters

INFO = {"DockerRootDir": "/", "Architecture": "x86_64", "CgroupVersion": "2", "MemTotal": 8 << 30}


def problems(info: dict[str, Any], **needs: Any) -> dict[str, bool]:
    port = needs.pop("port", None) or free_port()
    parameters = Parameters("sha256:" + "ab" * 32, "sha256:" + "cd" * 32, host_port=port)
    found = {
        "architecture": "amd64",
        "node_bytes": 0,
        "image_bytes": 0,
        "new_cluster": True,
    } | needs
    checked = preflight.check(info, preflight.Needs(parameters, **found))
    return {f.problem: f.fatal for f in checked if "inotify" not in f.problem}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_nothing_stands_in_the_way() -> None:
    assert problems(INFO) == {}


def test_the_folder_in_which_podman_copies_needs_room_too() -> None:
    large, copying = {"node_bytes": 1 << 58}, INFO | {"CopyFolder": "/"}
    assert not any("while it loads" in problem for problem in problems(INFO, **large))
    assert any("while it loads" in problem for problem in problems(copying, **large))
    assert problems(copying, node_bytes=1) == {}
    assert not any("while it loads" in p for p in problems(INFO | {"CopyFolder": "/no"}, **large))


def test_all_findings_come_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = problems(
            INFO | {"CgroupVersion": "1", "MemTotal": 1 << 30},
            architecture="arm64", image_bytes=1 << 60, port=port,
        )  # fmt: skip
    text = "\n".join(found)
    assert f"port {port} of 127.0.0.1 is taken" in text
    assert "MB are needed" in text
    assert "node image is for arm64, and this host is amd64" in text
    assert "cgroup v1" in text
    assert sum(found.values()) == 3


def test_a_cluster_that_exists_needs_no_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert problems(INFO, port=server.getsockname()[1], new_cluster=False) == {}


def test_a_port_that_only_docker_may_open_is_left_to_docker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert problems(INFO, port=443) == {}
