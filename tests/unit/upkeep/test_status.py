import base64
from pathlib import Path

import pytest

from airgap.cluster.docker.node import State
from airgap.cluster.site import Site
from airgap.errors import ClusterError
from airgap.upkeep.status import Status, look
from tests.support.authorities import own_ca
from tests.unit.unpack.bundles import Run


def status(run: Run, access_file: Path | None = None) -> Status:
    return look(Site.find(run.host.engine, "kind", run.host.tools), access_file)


def test_all_is_well(run: Run) -> None:
    found = status(run, run.kubeconfig).to_json()
    assert found["problems"] == []
    assert found["registry"].startswith("localhost:")
    assert found["images"] == [{"reference": "docker.io/library/nginx:1.27"}]
    assert found["bundles"][0]["image_count"] == 1
    assert found["free_bytes"] == 10**12
    assert found["nodes"][1] == {
        "name": "kind-worker", "running": True, "ready": True, "trusts": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.STOPPED, "does not run"),
        (State.PAUSED, "is paused"),
        (State.RESTARTING, "is restarting again and again"),
    ],
)
@pytest.mark.parametrize("node", ["kind-control-plane", "kind-worker"])
def test_a_node_that_rests_is_named_with_what_mends_it(
    run: Run, node: str, state: State, words: str
) -> None:
    run.host.engine.stop(node, state)
    (problem,) = status(run).problems
    assert problem.startswith(f"{node} {words}")
    assert problem.endswith("airgap up --cluster-name kind")


def test_a_node_whose_container_is_gone_is_named(run: Run) -> None:
    run.host.engine.found["kind"].pop()
    assert any("kind-worker is a node of the cluster, and its container is gone" in p
               for p in status(run).problems)  # fmt: skip


def test_an_api_that_hangs_is_asked_once(run: Run) -> None:
    kube = run.host.kube_of("kind")
    kube.broken["*"] = ClusterError("the Kubernetes API does not answer")
    kube.calls.clear()
    found = status(run)
    assert found.problems == ["the Kubernetes API does not answer"]
    assert len(kube.calls) == 1
    assert found.free_bytes


def test_a_full_disk_is_named_even_where_the_api_hangs(run: Run) -> None:
    run.host.engine.found["kind"][0].machine.free = 10**6
    run.host.kube_of("kind").broken["*"] = ClusterError("the Kubernetes API does not answer")
    problems = status(run).problems
    assert any("the registry's disk is full: 1 MB are free" in problem for problem in problems)
    assert "the Kubernetes API does not answer" in problems


def test_what_is_not_ready_or_lost_its_trust_is_told(run: Run) -> None:
    run.host.kube_of("kind").node("kind-worker", ready=False)
    run.host.engine.found["kind"][0].machine.files.popitem()
    assert status(run).problems == [
        "kind-control-plane does not trust the registry: airgap up",
        "kind-worker is not ready: kubectl describe node kind-worker",
    ]


def test_a_deployment_that_is_gone_is_no_fault(run: Run) -> None:
    run.host.kube_of("kind").delete("Deployment", "registry", "registry")
    (problem,) = status(run).problems
    assert problem == "Deployment registry: not ready after 0 s (it is not there)"


def test_a_registry_that_a_drained_node_does_not_take_is_told_with_what_mends_it(run: Run) -> None:
    kube = run.host.kube_of("kind")
    node = kube.get("Node", "kind-control-plane")
    assert node
    node["spec"] = {"unschedulable": True}
    assert status(run).problems == [], "where it runs on, that is somebody's own choice"
    kube.delete("Deployment", "registry", "registry")
    wanted = "kind-control-plane takes no new pods: kubectl uncordon kind-control-plane"
    assert wanted in status(run).problems


def test_a_cluster_without_a_bundle(run: Run) -> None:
    run.host.kube_of("kind").delete("Namespace", "registry")
    assert status(run).problems == ["no bundle has landed here: airgap unpack BUNDLE.tar"]


def test_a_kubeconfig_that_leads_elsewhere(run: Run, tmp_path: Path) -> None:
    (problem,) = status(run, tmp_path / "none").problems
    assert "does not lead to the cluster: airgap up --cluster-name kind --kubeconfig" in problem


@pytest.mark.parametrize(
    ("days", "said"),
    [(61, ""), (60, "ends in 59 days"), (1.5, "ends in 1 day"), (-3, "has expired")],
)
def test_a_certificate_is_warned_of_from_60_days_on(run: Run, days: float, said: str) -> None:
    secret = run.host.kube_of("kind").get("Secret", "registry", "registry")
    assert secret
    secret["data"]["tls.crt"] = base64.b64encode(own_ca(days=days).cert_pem).decode()
    problems = status(run).problems
    if said:
        wanted = f"the registry's certificate {said}: airgap renew --cluster-name kind"
        assert problems == [wanted]
    else:
        assert problems == []


def test_no_such_cluster(run: Run) -> None:
    with pytest.raises(ClusterError, match=r"no kind cluster other .*there is: kind"):
        Site.find(run.host.engine, "other", run.host.tools)
