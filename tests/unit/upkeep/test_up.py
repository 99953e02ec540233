import pytest

from airgap.cluster.docker.node import State
from airgap.cluster.kube import ready
from airgap.cluster.site import Site
from airgap.errors import ClusterError, ResourceError
from airgap.upkeep.up import up, write_access
from tests.unit.unpack.bundles import Run, as_before


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


def doors(run: Run) -> dict[str, str]:
    """The registry's containers and their images."""
    found = run.host.kube_of("kind").get("Deployment", "registry", "registry")
    assert found
    containers = found["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["image"] for each in containers}


def test_a_registry_of_a_release_before_gets_its_doors(run: Run) -> None:
    before = as_before(run)
    up(site(run), run.told)
    image = "docker.io/airgap/registry:sha256-abababababab"
    assert doors(run) == {"writer": image, "reader": image}, "the image is the one that is there"
    after = ready.secret(run.host.kube_of("kind"), "registry", "registry")
    assert after.pop("password")
    assert after.pop("htpasswd")
    assert after == before, "certificate and upload secret stay"
    text = run.host.engine.found["kind"][0].machine.files
    assert b":30444/v2/docker.io" in text["/etc/containerd/certs.d/docker.io/hosts.toml"]
    told = "it asks for a password now where it takes content"
    assert told in run.told.notes
    run.told.notes.clear()
    calls = run.host.kube_of("kind").calls
    calls.clear()
    up(site(run), run.told)
    assert told not in run.told.notes
    assert not [call for call in calls if call.startswith("apply")], "once"


def test_a_door_that_a_node_does_not_reach_is_waited_for(run: Run) -> None:
    as_before(run)
    (_, worker) = run.host.engine.found["kind"]
    worker.machine.blind = True
    with pytest.raises(
        ClusterError, match=r"port 30444 of the nodes: .*not reached by kind-worker"
    ):
        up(site(run), run.told)
