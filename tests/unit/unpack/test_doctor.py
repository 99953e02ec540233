"""doctor, on a host in memory."""

import socket
from pathlib import Path
from typing import Any

import pytest

from airgap.bundle.reader import Bundle
from airgap.cluster.docker.node import State
from airgap.errors import ResourceError
from airgap.unpack.doctor import Examination, examine
from airgap.unpack.options import Options
from tests.unit.unpack.bundles import Run, cluster_bundle


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
    found = look(run)
    assert found.facts["docker"] == "not reached"
    assert fatal(found) == ["docker does not answer: no such file"]


def test_what_an_earlier_run_left_is_told(run: Run) -> None:
    run()
    assert "made by airgap, 1 nodes" in look(run).facts["cluster"]
    (node,) = run.host.engine.found["kind"]
    run.host.engine.stop(node.name, State.STOPPED)
    assert "1 not running: airgap up" in look(run).facts["cluster"]


def test_without_a_bundle_the_usual_cluster_is_looked_at(run: Run) -> None:
    found = examine(None, Options(kubeconfigs=[run.kubeconfig]), run.host.tools)
    assert found.facts["cluster"] == "kind: none; unpack makes it"
    assert "bundle" not in found.facts
