"""The daemon's client, against a daemon in memory behind a real socket."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.cluster.docker.engine import DockerEngine
from airgap.cluster.docker.node import Node, State
from airgap.cluster.mark import Mark
from airgap.cluster.ports import Patience
from airgap.errors import AirgapError, ClusterError, ResourceError
from tests.support import archives, dockerd
from tests.support.dockerd import Dockerd

SOON = Patience(docker=5, command=5, api=5, tries=1)


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Dockerd]:
    with dockerd.running(tmp_path) as found:
        yield found


@pytest.fixture
def engine(docker: Dockerd, tmp_path: Path) -> Iterator[DockerEngine]:
    (tmp_path / "docker").touch(0o755)
    host = f"unix://{tmp_path}/docker.sock"
    found = DockerEngine.connect({"PATH": str(tmp_path), "DOCKER_HOST": host}, SOON)
    yield found
    found._client.close()


def test_nodes_are_read_from_their_containers(docker: Dockerd, engine: DockerEngine) -> None:
    mark = Mark.new(network=True)
    docker.container("kind-worker", role="worker", State={"Status": "created"})
    docker.container(
        "kind-control-plane",
        HostConfig={
            "Binds": ["/lib:/lib:ro", f"/dev/null:{mark.path}:ro"],
            "PortBindings": {
                "6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "40001"}],
                "53/udp": [{"HostPort": "53"}],
                "80/tcp": [{"HostPort": ""}],
                "81/tcp": None,
            },
        },
        NetworkSettings={"Networks": {"kind": {"IPAddress": "", "GlobalIPv6Address": "fc00::2"}}},
    )
    docker.container("kind-external-load-balancer", role="external-load-balancer")
    docker.container("other-control-plane", cluster="other")
    plane, worker = engine.nodes("kind")
    assert (plane.name, plane.id, plane.role) == (
        "kind-control-plane", "id-of-kind-control-plane", "control-plane",
    )  # fmt: skip
    assert (plane.image, plane.image_id) == ("kindest/node:v1", "sha256:1234")
    assert plane.ports == {6443: 40001}
    assert (plane.address, plane.mark) == ("fc00::2", mark)
    assert plane.running
    assert (worker.name, worker.state, worker.mark) == ("kind-worker", State.STOPPED, None)
    assert engine.nodes("none") == []
    assert engine.clusters() == ["kind", "other"]


def test_nodes_are_started_unpaused_and_removed(docker: Dockerd, engine: DockerEngine) -> None:
    docker.container("a")
    docker.container("b")
    engine.start(Node("a", state=State.STOPPED))
    engine.start(Node("b", state=State.PAUSED))
    assert docker.asked == ["POST /containers/id-of-a/start", "POST /containers/id-of-b/unpause"]
    engine.remove(Node("a", id="id-of-a"))
    engine.remove(Node("a", id="id-of-a"))
    assert list(docker.containers) == ["b"]
    with pytest.raises(ResourceError, match="No such container: a"):
        engine.start(Node("a"))


def test_images(docker: Dockerd, engine: DockerEngine) -> None:
    docker.images = {"app:1": "sha256:aa", "app:2": "sha256:bb"}
    docker.used = {"app:2"}
    assert (engine.image_id("app:1"), engine.image_id("app:3")) == ("sha256:aa", "")
    assert [engine.remove_image(name) for name in ("app:1", "app:2", "app:3")] == [
        True, False, False,
    ]  # fmt: skip
    assert list(docker.images) == ["app:2"]
    docker.refuses["DELETE /images/app:2"] = 500, "the disk is gone"
    with pytest.raises(ResourceError, match="the disk is gone") as caught:
        engine.remove_image("app:2")
    assert "journalctl" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "kind", "words", "hint"),
    [
        ("write /x: no space left on device", ResourceError, "no space left for app:1", "df"),
        ("unexpected EOF", ClusterError, "refused app:1: unexpected EOF", "airgap verify"),
        ("driver failed", ClusterError, "refused app:1: driver failed", "journalctl"),
    ],
)
def test_an_image_that_docker_refuses(
    docker: Dockerd, engine: DockerEngine, said: str, kind: type[AirgapError], words: str, hint: str
) -> None:
    docker.loads = [{"stream": "Loaded"}]
    engine.load_image("app:1", [b"archive", memoryview(b"of it")])
    assert docker.asked == ["POST /images/load"]
    docker.loads = [{"status": "Loading"}, {"error": said}]
    with pytest.raises(kind, match=words) as caught:
        engine.load_image("app:1", [b""])
    assert hint in caught.value.hint


def test_files_of_a_node_that_need_not_run(docker: Dockerd, engine: DockerEngine) -> None:
    docker.container("a", State={"Status": "exited"})
    docker.files["a", "/there"] = archives.tar({"there": b"text"}), 4
    docker.files["a", "/link"] = archives.tar({"link": "/there"}), 6
    docker.files["a", "/large"] = archives.tar({"large": b""}), 2 << 20
    docker.files["a", "/broken"] = b"no tar", 6
    node = Node("a")
    assert engine.read(node, "/there") == b"text"
    assert engine.read(node, "/link") is None
    assert engine.read(node, "/absent") is None
    with pytest.raises(ClusterError, match="/large of a is 2097152 bytes long"):
        engine.read(node, "/large")
    with pytest.raises(ResourceError, match=r"^the docker daemon broke off: "):
        engine.read(node, "/broken")


def test_networks(docker: Dockerd, engine: DockerEngine) -> None:
    docker.networks = {"kind": ["a"], "kind2": []}
    assert [engine.network(name) for name in ("kind", "kin", "kind2")] == [True, False, True]
    assert not engine.remove_empty_network("kind")
    assert engine.remove_empty_network("kind2")
    assert not engine.remove_empty_network("kind2")
    assert list(docker.networks) == ["kind"]


def test_what_docker_says_of_itself(docker: Dockerd, engine: DockerEngine) -> None:
    assert engine.info()["ID"] == "one"
    docker.refuses["GET /info"] = 500, "permission denied while asking"
    with pytest.raises(ResourceError, match="permission denied") as caught:
        engine.info()
    assert "group docker" in caught.value.hint


def test_docker_that_is_not_here(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="docker is not on PATH"):
        DockerEngine.connect({"PATH": str(tmp_path)}, SOON)
    (tmp_path / "docker").touch(0o755)
    far = {"PATH": str(tmp_path), "DOCKER_HOST": "tcp://192.0.2.1:2375"}
    with pytest.raises(ResourceError, match="is on another machine") as caught:
        DockerEngine.connect(far, SOON)
    assert "DOCKER_HOST" in caught.value.hint


def test_a_daemon_that_refuses_leaves_no_connection(docker: Dockerd, tmp_path: Path) -> None:
    (tmp_path / "docker").touch(0o755)
    docker.refuses["GET /_ping"] = 503, "starting"
    host = {"PATH": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/docker.sock"}
    with pytest.raises(ResourceError, match="starting"):
        DockerEngine.connect(host, SOON)


@pytest.mark.parametrize("left_behind", [False, True])
def test_a_daemon_that_does_not_run_is_to_be_started(tmp_path: Path, left_behind: bool) -> None:
    """Its socket is missing, or was left behind: nothing broke off, since nothing began.

    A process of its own, since the docker package leaves a socket that it could not connect.
    """
    path = tmp_path / "docker.sock"
    if left_behind:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    program = tmp_path / "docker"  # looked for on PATH, and not run: DOCKER_HOST says where to go
    program.touch(0o755)
    ran = subprocess.run(
        [sys.executable, "-c", "from airgap.cli import main; main()", "status"],
        env={**os.environ, "DOCKER_HOST": f"unix://{path}", "PATH": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 6
    error, hint = ran.stderr.strip().split("\n")
    assert error.startswith("error: docker does not answer: ")
    assert hint.startswith("hint: start the docker daemon")
