"""doctor, on a host in memory."""

import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airgap.bundle.reader import Bundle
from airgap.cluster import host_trust, mark
from airgap.cluster.docker.node import State
from airgap.cluster.docker.provider import VARIABLE
from airgap.cluster.ports import Engine, Patience
from airgap.errors import ClusterError, ResourceError
from airgap.unpack.doctor import Examination, examine
from airgap.unpack.options import Options
from tests.unit.unpack.bundles import Run, cluster_bundle, images_bundle


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = Run(tmp_path)
    found.parameters = cluster_bundle(found.path)
    return found


def look(run: Run, **options: Any) -> Examination:
    chosen = Options(kubeconfigs=[run.kubeconfig], **options)
    with Bundle.open(run.path) as bundle:
        return examine(bundle, chosen, run.host.tools)


def fatal(found: Examination) -> list[str]:
    return [finding.problem for finding in found.findings if finding.fatal]


def test_a_host_that_lacks_nothing_is_ready_and_left_as_it_is(run: Run) -> None:
    before = sorted(run.path.parent.rglob("*"))
    found = look(run)
    assert found.is_ready
    assert found.facts["cluster"] == "kind: none; unpack makes it"
    assert str(run.path) in found.facts["bundle"]
    assert not run.host.engine.found
    assert sorted(run.path.parent.rglob("*")) == before
    assert found.to_json()["ready"] is True


def test_all_that_stops_is_named_at_once(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = look(run, host_port=port, proxies={"https": "http://proxy:3128"})
    assert not found.is_ready
    assert any(f"port {port}" in problem for problem in fatal(found))
    assert any("https_proxy" in f.problem for f in found.findings if not f.fatal)


def test_a_daemon_that_does_not_answer_stops_and_the_rest_is_still_told(run: Run) -> None:
    def refuse(*_: Any) -> Any:
        raise ResourceError("docker does not answer: no such file", hint="start it")

    run.host.engine.info = refuse
    found = look(run, environment={"PATH": "/nowhere"})
    assert found.facts["docker"] == "not reached"
    assert look(run, environment={VARIABLE: "podman"}).facts["podman"] == "not reached"
    assert fatal(found) == ["docker does not answer: no such file"]


def test_what_an_earlier_run_left_is_told(run: Run) -> None:
    run()
    assert "made by airgap, 1 node" in look(run).facts["cluster"]
    (node,) = run.host.engine.found["kind"]
    run.host.engine.stop(node.name, State.STOPPED)
    found = look(run)
    assert "1 not running: airgap up" in found.facts["cluster"]
    assert fatal(found) == [f"the cluster kind does not run: {node.name} (exited)"]


def test_without_a_bundle_the_usual_cluster_is_looked_at(run: Run) -> None:
    found = examine(None, Options(kubeconfigs=[run.kubeconfig]), run.host.tools)
    assert found.facts["cluster"] == "kind: none; unpack makes it"
    assert "bundle" not in found.facts


def test_a_cluster_that_unpack_would_not_take_stops(run: Run) -> None:
    """unpack refuses it for the same reason: both ask the same."""
    run.host.cluster("kind")
    found = look(run)
    (problem,) = fatal(found)
    assert "does not publish port" in problem
    with pytest.raises(ClusterError, match="does not publish port"):
        run()


def test_a_cluster_that_keeps_its_kubernetes_is_told(run: Run) -> None:
    run()
    assert look(run).facts["cluster"] == "kind: made by airgap, 1 node"
    cluster_bundle(run.path, node_image=("kindest/node:v2", 15))
    found = look(run)
    assert found.is_ready
    assert found.facts["cluster"].endswith("; it keeps its node image, the bundle's makes new"
                                           " clusters alone")  # fmt: skip


def test_a_bundle_that_cannot_bring_up_a_cluster_stops_where_there_is_none(run: Run) -> None:
    images_bundle(run.path)
    found = look(run)
    (problem,) = fatal(found)
    assert "holds images only" in problem


@pytest.mark.parametrize("installed", [True, False])
def test_a_bundle_without_kind_needs_that_of_the_host(
    run: Run, tmp_path: Path, installed: bool
) -> None:
    cluster_bundle(run.path, carries_kind=False)
    if installed:
        (tmp_path / "kind").touch(0o755)
    found = look(run, environment={"PATH": str(tmp_path)})
    assert any("kind is neither" in problem for problem in fatal(found)) != installed


def test_a_run_that_was_killed_left_something(run: Run) -> None:
    run()
    (node,) = run.host.engine.found["kind"]
    del node.machine.files[mark.FINISHED]
    found = look(run)
    (finding,) = [finding for finding in found.findings if "half made" in finding.problem]
    assert not finding.fatal
    assert "airgap teardown --cluster-name kind" in finding.remedy
    assert run.host.engine.found["kind"] == [node]


def test_trust_in_a_cluster_that_is_gone_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_trust, "left", lambda name: name == "kind")
    found = look(run)
    assert found.is_ready
    (finding,) = [finding for finding in found.findings if "still trusts" in finding.problem]
    assert finding.remedy == "airgap teardown --cluster-name kind forgets it"


def test_a_host_under_load_is_given_time(run: Run) -> None:
    given: list[Patience] = []
    tools = run.host.tools
    engine = tools.engine

    def connect(environment: Mapping[str, str], patience: Patience) -> Engine:
        given.append(patience)
        return engine(environment, patience)

    run.host.tools = replace(tools, engine=connect)
    assert look(run).is_ready
    (patience,) = given
    assert patience.docker >= 30
    assert 0 < patience.left() <= 30, "and it ends, whatever hangs"


def test_the_room_is_that_of_docker_s_own_folder(run: Run, tmp_path: Path) -> None:
    run.host.engine.facts |= {"DockerRootDir": str(tmp_path), "ServerVersion": "28.5"}
    facts = look(run).facts
    assert facts["room"].endswith(f" free in {tmp_path}")
    assert facts["docker"].startswith("28.5, ")
    run.host.engine.facts["DockerRootDir"] = str(tmp_path / "gone")
    assert "room" not in look(run).facts
