"""Which of docker and podman is chosen, and how podman is reached."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from airgap.cluster.docker import connect as connecting
from airgap.cluster.docker import provider
from airgap.cluster.docker.engine import DockerEngine
from airgap.cluster.docker.node import Node, State
from airgap.cluster.docker.podman import PodmanEngine
from airgap.cluster.docker.provider import DOCKER, PODMAN, VARIABLE, Provider
from airgap.cluster.ports import Patience
from airgap.errors import ResourceError
from tests.support import dockerd
from tests.support.dockerd import Dockerd

SOON = Patience(docker=5, command=5, api=5, tries=1)
ID = "ab" * 32


def program(folder: Path, name: str, says: str = "") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("installed", "named", "chosen"),
    [
        ({"docker": "Docker version 28"}, "", DOCKER),
        ({"docker": "Docker version 28", "podman": ""}, "", DOCKER),
        ({"docker": "podman version 5.4", "podman": ""}, "", PODMAN),
        ({"podman": ""}, "", PODMAN),
        ({"docker": "Docker version 28", "podman": ""}, "podman", PODMAN),
        ({"podman": ""}, "docker", DOCKER),
    ],
)
def test_it_is_chosen_as_kind_chooses(
    tmp_path: Path, installed: Mapping[str, str], named: str, chosen: Provider
) -> None:
    for name, says in installed.items():
        program(tmp_path, name, says)
    environment = {"PATH": str(tmp_path), **({VARIABLE: named} if named else {})}
    assert provider.choose(environment) is chosen


def test_none_and_another_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="neither docker nor podman is on PATH"):
        provider.choose({"PATH": str(tmp_path)})
    with pytest.raises(ResourceError, match="is nerdctl, and airgap works with docker and podman"):
        provider.choose({"PATH": str(tmp_path), VARIABLE: "nerdctl"})


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Dockerd]:
    with dockerd.running(tmp_path) as found:
        found.components = ["Podman Engine", "Conmon"]
        yield found


def test_a_docker_that_does_not_answer_leads_to_the_podman_that_is_there(
    tmp_path: Path, api: Dockerd
) -> None:
    program(tmp_path, "docker", "Docker version 28")
    program(tmp_path, "podman")
    api.refuses["GET /_ping"] = 503, "starting"
    host = {"PATH": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/docker.sock"}
    with pytest.raises(ResourceError, match="starting") as caught:
        connecting.connect(host, SOON)
    assert "--provider podman" in caught.value.hint
    with pytest.raises(ResourceError, match="starting") as caught:
        connecting.connect(host | {VARIABLE: "docker"}, SOON)
    assert "--provider" not in caught.value.hint


@pytest.fixture
def told(tmp_path: Path, api: Dockerd, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A podman whose API service is the daemon in memory."""
    facts = json.dumps({"host": {"networkBackend": "cni"}, "store": {"imageCopyTmpDir": "/big"}})
    (tmp_path / "podman").write_text(
        f"""#!/bin/sh
case "$1" in
  info) echo '{facts}' ;;
  system) ln -s {tmp_path}/docker.sock "${{4#unix://}}"; while sleep 0.05; do :; done ;;
esac
"""
    )
    (tmp_path / "podman").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return {"PATH": f"{tmp_path}:/usr/bin:/bin", VARIABLE: "podman"}


@pytest.fixture
def engine(told: dict[str, str]) -> Iterator[PodmanEngine]:
    found = PodmanEngine.connect(told, SOON)
    yield found
    found.close()


def test_what_podman_says_of_itself(engine: PodmanEngine) -> None:
    found = engine.info()
    assert found["ID"] == "podman /var/lib/docker", "its own is another one at each question"
    assert (found["NetworkBackend"], found["CopyFolder"]) == ("cni", "/big")
    assert engine.environment[VARIABLE] == "podman"


def test_a_node_of_podman_s(engine: PodmanEngine, api: Dockerd) -> None:
    api.container("kind-control-plane", Image=ID)
    (node,) = engine.nodes("kind")
    assert (node.program, node.image_id) == ("podman", f"sha256:{ID}")
    api.images["localhost/airgap/node:x"] = ID
    assert engine.image_id("localhost/airgap/node:x") == f"sha256:{ID}"


def test_a_node_goes_at_once_and_its_volume_with_it(engine: PodmanEngine, api: Dockerd) -> None:
    api.container("kind-worker")
    api.volumes = {"a": "kind-worker", "b": "kind-worker2", "c": "other-worker"}
    engine.remove(Node("kind-worker", id="id-of-kind-worker"))
    assert api.asked[:2] == [
        "POST /containers/id-of-kind-worker/kill", "DELETE /containers/id-of-kind-worker",
    ]  # fmt: skip
    assert list(api.volumes) == ["b", "c"]
    engine.remove(Node("kind-worker", id="gone", state=State.STOPPED))


def test_volumes_that_a_teardown_left_are_found_later(engine: PodmanEngine, api: Dockerd) -> None:
    api.volumes = {
        "a": "kind-worker", "b": "kind-control-plane", "c": "kind-2-worker", "d": "kind-worker3",
    }  # fmt: skip
    api.refuses["DELETE /volumes/d"] = 409, "volume is being used"
    assert engine.remove_volumes("kind") == ["a", "b"]
    assert list(api.volumes) == ["c", "d"]


def test_the_service_ends_with_its_run_and_leaves_no_folder(told: dict[str, str]) -> None:
    engine = PodmanEngine.connect(told, SOON)
    process = engine._service._process
    folder = Path(engine._service.address.removeprefix("unix://")).parent
    assert folder.is_dir()
    engine.close()
    assert process.returncode is not None
    assert not folder.exists()


def test_a_service_that_does_not_start_is_told_in_podman_s_words(
    told: dict[str, str], tmp_path: Path
) -> None:
    script = (
        '#!/bin/sh\n[ "$1" = info ] && echo "{}" && exit\necho "no such command" >&2; exit 125\n'
    )
    (tmp_path / "podman").write_text(script)
    with pytest.raises(ResourceError, match="does not start: no such command"):
        PodmanEngine.connect(told, SOON)


@pytest.mark.parametrize("name", ["CONTAINER_HOST", "CONTAINER_CONNECTION"])
def test_a_podman_elsewhere_is_refused(told: dict[str, str], name: str) -> None:
    with pytest.raises(ResourceError, match=f"{name} leads podman to another machine"):
        PodmanEngine.connect(told | {name: "ssh://far"}, SOON)


def test_a_rootless_podman_is_refused_with_what_it_would_need(
    told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ResourceError, match="rootless, for uid 1000") as caught:
        PodmanEngine.connect(told, SOON)
    assert "Delegate=yes" in caught.value.hint


def test_a_docker_host_that_is_podman_s_means_podman(
    told: dict[str, str], tmp_path: Path, api: Dockerd
) -> None:
    program(tmp_path, "docker", "Docker version 28")
    host = told | {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"}
    del host[VARIABLE]
    found = connecting.connect(host, SOON)
    assert isinstance(found, PodmanEngine)
    assert "DOCKER_HOST" not in found.environment
    found.close()
    with pytest.raises(ResourceError, match="what docker is to talk to is podman") as caught:
        connecting.connect(host | {VARIABLE: "docker"}, SOON)
    assert "--provider podman" in caught.value.hint
    api.components = ["Engine"]
    found = connecting.connect(host, SOON)
    assert type(found) is DockerEngine
    found.close()
