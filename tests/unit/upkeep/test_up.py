import pytest

from airgap.cluster.docker.node import State
from airgap.cluster.site import Site
from airgap.errors import ClusterError, ResourceError
from airgap.upkeep.up import up, write_access
from tests.unit.unpack.bundles import Run


def site(run: Run) -> Site:
    return Site.find(run.host.engine, "kind", run.host.tools)


def test_what_rests_is_started_or_goes_on(run: Run) -> None:
    run.host.engine.stop("kind-control-plane")
    run.host.engine.stop("kind-worker", State.PAUSED)
    run.host.engine.log.clear()
    found = up(site(run), run.told)
    assert not found.resting
    changing = [line for line in run.host.engine.log if line != "read"]
    assert changing == ["start kind-control-plane", "unpause kind-worker"]


def test_docker_s_words_are_told_whole(run: Run) -> None:
    run.host.engine.stop("kind-worker")
    run.host.engine.broken["start"] = "docker: " + "x" * 500 + " port is already allocated"
    with pytest.raises(ResourceError, match="port is already allocated"):
        up(site(run), run.told)


def test_trust_is_written_anew(run: Run) -> None:
    run.host.engine.found["kind"][1].machine.files.clear()
    up(site(run), run.told)
    assert any(note.startswith("kind-worker: ") and "written" in note for note in run.told.notes)
    assert "kind-control-plane: it does already" in run.told.notes


def test_a_worker_that_is_gone_is_forgotten_only_where_that_is_said(run: Run) -> None:
    run.host.engine.found["kind"].pop()
    before = run.host.clock.time
    with pytest.raises(ClusterError, match="containers of kind-worker are gone") as caught:
        up(site(run), run.told)
    assert "--forget-lost" in caught.value.hint
    assert run.host.clock.time == before, "nothing is waited for in vain"
    up(site(run), run.told, forget_lost=True)
    assert run.host.kube_of("kind").get("Node", "kind-worker") is None


def test_an_api_that_comes_back_late_is_waited_for(run: Run) -> None:
    kube = run.host.kube_of("kind")
    kube.broken["*"] = ClusterError("the Kubernetes API does not answer")
    end = run.host.clock.time + 20

    def later() -> None:
        if run.host.clock.time > end:
            kube.broken.clear()

    run.host.clock.during = later
    up(site(run), run.told)
    assert run.host.clock.time > end


def test_an_api_that_does_not_come_back_ends_after_five_minutes(run: Run) -> None:
    before = run.host.clock.time
    run.host.kube_of("kind").broken["*"] = ClusterError("the Kubernetes API does not answer")
    with pytest.raises(ClusterError, match=r"not ready after 300 s .*API does not answer"):
        up(site(run), run.told)
    assert 300 <= run.host.clock.time - before < 302


def test_a_cluster_without_a_bundle(run: Run) -> None:
    run.host.kube_of("kind").delete("Namespace", "registry")
    with pytest.raises(ClusterError, match="no bundle has landed in the cluster kind"):
        up(site(run), run.told)


def test_the_access_is_written_where_it_is_asked_for(run: Run) -> None:
    path = run.folder / "new"
    write_access(site(run), path, run.told)
    assert "kind-kind" in path.read_text()
    path.write_text("clusters: [{name: kind-kind, cluster: {server: 'https://far:6443'}}]\n")
    with pytest.raises(ResourceError, match="not this cluster's"):
        write_access(site(run), path, run.told)
