"""What is waited for, and what is said where it does not come: on a clock of the test."""

from typing import Any

import pytest

from airgap.cluster.kube import ready
from airgap.errors import ClusterError
from tests.support.cluster import FakeClock, FakeKube

DEPLOYED = {"observedGeneration": 2, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}


def deployment(kube: FakeKube, **status: Any) -> None:
    metadata = {"name": "registry", "namespace": "n", "generation": 2}
    kube.put({"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 1}}, status=status)


def pod(kube: FakeKube, **status: Any) -> None:
    labels = {"app.kubernetes.io/name": "registry"}
    kube.put({"kind": "Pod", "metadata": {"name": "p", "namespace": "n", "labels": labels}},
             status=status)  # fmt: skip


def waited(kube: FakeKube, clock: FakeClock) -> str:
    """Wait ten seconds for the Deployment; return what was said."""
    with pytest.raises(ClusterError) as caught:
        ready.wait_deployment(kube, "registry", "n", 10, clock.clock())
    assert caught.value.hint == "look at: kubectl -n n describe pods"
    assert 10 <= clock.time < 11
    return caught.value.message.removeprefix("Deployment registry: not ready after 10 s ")


def test_a_deployment_is_ready_once_its_newest_pods_are_alone() -> None:
    kube, clock = FakeKube(), FakeClock()
    deployment(kube, **DEPLOYED | {"replicas": 2})
    clock.during = lambda: (clock.time > 3 and deployment(kube, **DEPLOYED)) or None
    ready.wait_deployment(kube, "registry", "n", 10, clock.clock())
    assert 3 < clock.time < 5


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (DEPLOYED | {"replicas": 2}, "(an old pod still runs)"),
        (DEPLOYED | {"observedGeneration": 1}, "(its pod is not ready yet)"),
        (DEPLOYED | {"readyReplicas": 0}, "(its pod is not ready yet)"),
        (DEPLOYED | {"updatedReplicas": 0}, "(its pod is not ready yet)"),
        ({}, "(its pod is not ready yet)"),
    ],
)
def test_what_a_deployment_lacks(status: dict[str, int], said: str) -> None:
    kube = FakeKube()
    deployment(kube, **status)
    assert waited(kube, FakeClock()) == said


def test_a_deployment_that_is_not_there() -> None:
    assert waited(FakeKube(), FakeClock()) == "(it is not there)"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"running": {}}, "running"),
        ({"terminated": {"exitCode": 2}}, "ended with 2"),
        ({"terminated": {"reason": "StartError", "message": " no such file\n"}},
         "pulled, but could not start (no such file)"),
        ({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
         "ended and is started again"),
        ({"waiting": {"reason": "ErrImagePull", "message": "no host"}}, "ErrImagePull: no host"),
        ({"waiting": {"reason": "ContainerCreating"}}, "ContainerCreating"),
    ],
)  # fmt: skip
def test_what_a_pod_does_is_said_in_words(state: dict[str, Any], said: str) -> None:
    kube = FakeKube()
    deployment(kube)
    pod(kube, containerStatuses=[{"state": state}])
    assert waited(kube, FakeClock()) == f"({said})"


def test_a_pod_without_containers_says_what_holds_it() -> None:
    held = [{"status": "False", "message": "0/1 nodes are free"}, {"status": "True"}]
    assert ready.container_state({"status": {"conditions": held}}) == "0/1 nodes are free"
    assert ready.container_state({"status": {"phase": "Pending"}}) == "Pending"
    assert ready.container_state({}) == "not there"


def test_a_claim_that_the_binder_overlooked_is_changed_until_it_is_bound() -> None:
    kube, clock = FakeKube(), FakeClock()
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "n"}}
    kube.put(claim, status={"phase": "Pending"})
    clock.during = lambda: (clock.time >= 2 and kube.put(claim, status={"phase": "Bound"})) or None
    ready.wait_claim(kube, "c", "n", 60, clock.clock())
    assert clock.time == 2
    assert kube.calls.count("merge PersistentVolumeClaim c") == 4
    kube.put(claim)
    clock.during = lambda: None
    with pytest.raises(ClusterError, match="not bound to its volume"):
        ready.wait_claim(kube, "c", "n", 1, clock.clock())


def test_nodes_that_are_not_ready_are_named() -> None:
    kube, clock = FakeKube(), FakeClock()
    kube.broken["list Node"] = ClusterError("the API does not answer")
    with pytest.raises(ClusterError, match=r"the nodes: not ready after 1 s .the API does not"):
        ready.wait_nodes(kube, 2, 1, clock.clock())
    del kube.broken["list Node"]
    kube.node("a")
    with pytest.raises(ClusterError, match="1 of 2 nodes joined"):
        ready.wait_nodes(kube, 2, 0, clock.clock())
    kube.node("b", ready=False)
    with pytest.raises(ClusterError, match="not ready: b"):
        ready.wait_nodes(kube, 2, 1, clock.clock())
    kube.node("b")
    ready.wait_nodes(kube, 2, 0, clock.clock())


def test_data_of_what_is_not_there_is_empty() -> None:
    kube = FakeKube()
    assert ready.config_map(kube, "x", "n") == {}
    assert ready.secret(kube, "x", "n") == {}
    kube.put({"kind": "Secret", "metadata": {"name": "x", "namespace": "n"}}, data={"a": "Yg=="})
    assert ready.secret(kube, "x", "n") == {"a": b"b"}
