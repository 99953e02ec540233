import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from airgap.cluster.docker.node import State
from airgap.cluster.docker.provider import PODMAN
from airgap.cluster.doors.login import Login
from airgap.cluster.kube import ready
from airgap.cluster.mark import FINISHED, Mark
from airgap.cluster.objects import landed as records
from airgap.cluster.ports import RefusedError
from airgap.cluster.turn import turn
from airgap.errors import BusyError, ClusterError, InputError, NetworkError, ResourceError
from tests.support.cluster import FakeKube, FakeNode, Told, config_map
from tests.unit.unpack.bundles import Run, as_before, cluster_bundle, free_port, images_bundle

NODE_PORT = 30443
BY_HAND = (
    {
        "role": "control-plane",
        "extraPortMappings": [{"containerPort": NODE_PORT, "hostPort": 31000}],
    },
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = Run(tmp_path)
    cluster_bundle(found.path)
    return found


def smoke_pods(kube: FakeKube) -> list[str]:
    names = [str(pod["metadata"]["name"]) for pod in kube.list("Pod")]
    return [name for name in names if name.startswith("airgap-smoke")]


def test_a_new_cluster_is_made_filled_and_recorded(run: Run) -> None:
    receipt = run(verify_first=True)
    assert receipt.created
    assert receipt.cluster == "kind"
    assert [title for title, _ in receipt.steps] == run.told.steps
    (node,) = run.host.engine.found["kind"]
    assert node.mark is not None
    assert node.mark.network
    assert FINISHED in node.machine.files
    kube = run.host.kube_of("kind")
    assert len(kube.list("ConfigMap", "registry", records.SELECTOR)) == 1
    assert smoke_pods(kube) == []
    assert run.landed[0].endpoint == receipt.registry
    config = yaml.safe_load(run.kubeconfig.read_text())
    assert config["current-context"] == "kind-kind"
    assert receipt.kubeconfig == run.kubeconfig
    assert receipt.to_json()["kubeconfig"] == str(run.kubeconfig)


def test_a_second_run_changes_nothing(run: Run) -> None:
    run()
    before = run.kubeconfig.read_bytes()
    run.host.engine.log.clear()
    receipt = run()
    assert not receipt.created
    changing = {title for title, outcome in receipt.steps if outcome != "already there"}
    assert changing == {"Check this host", "Push the images", "Run a pod from the registry"}
    assert {line.split()[0] for line in run.host.engine.log} <= {"info", "read"}
    assert run.kubeconfig.read_bytes() == before


def test_the_access_is_written_for_a_cluster_that_exists_too(run: Run, tmp_path: Path) -> None:
    run()
    other = tmp_path / "elsewhere/config"
    assert run(kubeconfigs=[other]).kubeconfig == other
    assert "kind-kind" in other.read_text()


def test_a_failure_removes_what_this_run_made_and_tells_how_far_it_came(run: Run) -> None:
    run.fails = NetworkError("the registry is gone")
    with pytest.raises(NetworkError, match="the registry is gone"):
        run()
    assert run.host.engine.clusters() == []
    assert run.host.engine.networks == set()
    assert "kind-kind" not in run.kubeconfig.read_text()
    assert "done before the failure: check this host, load" in run.told.warnings[-2] + "".join(
        run.told.warnings
    )
    assert any(w.startswith("not done: push the images") for w in run.told.warnings)


@pytest.mark.parametrize("how", ["stopped", "gone", "docker"])
def test_a_node_that_is_lost_during_the_push_is_named(run: Run, how: str) -> None:
    """As the registry's client asks it: after the second try that nobody answered."""
    run(retain=True)
    (entrance,) = run.landed
    engine = run.host.engine
    assert entrance.why_silent() is None
    if how == "stopped":
        engine.stop("kind-control-plane")
    elif how == "gone":
        engine.found["kind"].clear()
    else:
        engine.broken["nodes"] = "docker does not answer"
    engine.provider = PODMAN
    why = entrance.why_silent()
    assert why
    if how != "docker":
        assert "(podman events)" in why.hint
    said = "docker does not answer" if how == "docker" else "kind-control-plane does not run any"
    assert why.message.startswith(said)


def test_retain_keeps_it(run: Run) -> None:
    run.fails = NetworkError("no")
    with pytest.raises(NetworkError):
        run(retain=True)
    assert run.host.engine.clusters() == ["kind"]
    assert "the cluster kind is kept, as asked for with --retain" in run.told.warnings


def test_kind_s_failure_is_undone_to_the_last_node(run: Run) -> None:
    run.host.kind_fails = "kind create cluster failed"
    with pytest.raises(ClusterError, match="kind create cluster failed"):
        run()
    assert run.host.engine.clusters() == []


def test_an_undo_that_fails_is_told_and_hides_nothing(run: Run) -> None:
    run.host.kind_fails = "kind failed"
    run.host.engine.broken["remove"] = "docker is gone"
    with pytest.raises(ClusterError, match="kind failed"):
        run()
    assert "that failed: docker is gone" in run.told.warnings


def test_a_cluster_that_existed_is_not_undone(run: Run) -> None:
    run()
    run.fails = NetworkError("no")
    with pytest.raises(NetworkError):
        run()
    assert run.host.engine.clusters() == ["kind"]


def test_a_cluster_that_somebody_made_meanwhile_is_not_undone(run: Run) -> None:
    """kind then refuses: what is there under the name was never this run's."""
    run.host.kind_makes = False
    run.host.kind_fails = "node(s) already exist"
    run.host.during_create = lambda: run.host.cluster("kind") and None
    with pytest.raises(ClusterError, match="already exist"):
        run()
    assert run.host.engine.clusters() == ["kind"]


def test_a_kind_that_makes_nothing_is_no_fault(run: Run) -> None:
    run.host.kind_makes = False
    with pytest.raises(ClusterError, match="there are no nodes of it"):
        run()


@pytest.mark.parametrize("broken", ["apply ConfigMap airgap-bundle", "create Pod"])
def test_nothing_after_the_last_image_undoes_the_cluster(run: Run, broken: str) -> None:
    run()
    kube = run.host.kube_of("kind")
    run.host.engine.found.clear()
    original = run.host.cluster

    def made(*arguments: object, **more: bool) -> object:
        fresh = original(*arguments, **more)  # type: ignore[arg-type]
        names = [
            f"apply ConfigMap {n[2]}" for n in kube.objects if n[2].startswith("airgap-bundle")
        ]
        key = names[0] if broken.startswith("apply") else broken
        fresh.broken[key] = ClusterError("etcd is full")
        return fresh

    run.host.cluster = made  # type: ignore[method-assign,assignment]
    with pytest.raises(ClusterError, match="etcd is full"):
        run()
    assert run.host.engine.clusters() == ["kind"]


def test_rules_that_let_no_pod_run_are_a_warning(run: Run) -> None:
    run(smoke_test=False)
    kube = run.host.kube_of("kind")
    kube.broken["create Pod"] = RefusedError("Kubernetes refused POST: exceeded quota", 403)
    receipt = run()
    assert dict(receipt.steps)["Run a pod from the registry"].startswith("the cluster's rules")
    assert any("exceeded quota" in warning for warning in run.told.warnings)


def test_a_pod_that_cannot_pull_is_an_error(run: Run) -> None:
    run(smoke_test=False)
    run.host.kube_of("kind").pod_state = {"waiting": {"reason": "ErrImagePull", "message": "x509"}}
    with pytest.raises(ClusterError, match=r"cannot pull docker\.io/library/nginx:1\.27"):
        run()
    assert smoke_pods(run.host.kube_of("kind")) == []


def test_a_half_made_cluster_of_ours_is_made_again(run: Run) -> None:
    run()
    (node,) = run.host.engine.found["kind"]
    del node.machine.files[FINISHED]
    assert run().created
    assert "the cluster kind was left half-made: it is made again" in run.told.notes


def test_a_half_made_cluster_of_others_is_refused_with_what_removes_it(run: Run) -> None:
    run.host.cluster("kind", BY_HAND)
    (node,) = run.host.engine.found["kind"]
    node.machine.files.clear()
    with pytest.raises(ClusterError, match="was not finished") as caught:
        run(cluster_name="kind")
    assert "kind delete cluster --name kind" in caught.value.hint
    assert run.host.engine.clusters() == ["kind"]


def test_a_half_made_cluster_with_somebody_s_node_is_refused(run: Run) -> None:
    run()
    (node,) = run.host.engine.found["kind"]
    del node.machine.files[FINISHED]
    run.host.engine.found["kind"].append(FakeNode("kind-worker", role="worker"))
    with pytest.raises(ClusterError, match="airgap did not make kind-worker"):
        run()
    assert len(run.host.engine.found["kind"]) == 2


def test_a_foreign_cluster_is_used_only_where_it_is_named(run: Run) -> None:
    """Also one that somebody made from the node image that airgap carried."""
    run.host.cluster("kind", [BY_HAND[0] | {"image": "airgap/node:sha256-abababababab"}])
    with pytest.raises(ClusterError, match="a cluster kind that airgap did not make") as caught:
        run()
    assert "--cluster-name kind" in caught.value.hint
    assert run.host.engine.found["kind"][0].machine.files.keys() == {"/etc/kubernetes/admin.conf"}
    receipt = run(cluster_name="kind")
    assert not receipt.created
    assert receipt.registry == "localhost:31000"
    assert FINISHED not in run.host.engine.found["kind"][0].machine.files
    assert not run().created, "once it has our registry, it need not be named again"


def test_a_cluster_of_the_release_before_is_known(run: Run) -> None:
    run.host.cluster("kind", BY_HAND, finished=True)
    assert not run().created


def test_a_foreign_namespace_is_refused(run: Run) -> None:
    kube = run.host.cluster("kind", BY_HAND)
    kube.put({"kind": "Namespace", "metadata": {"name": "registry"}})
    with pytest.raises(ClusterError, match="namespace registry that is not airgap's"):
        run(cluster_name="kind")


def test_a_cluster_of_several_control_planes_is_refused(run: Run) -> None:
    run.host.cluster("kind", [*BY_HAND, {"role": "control-plane"}, {"role": "worker"}])
    with pytest.raises(ClusterError, match="several control planes is not supported") as caught:
        run(cluster_name="kind")
    assert "airgap push" in caught.value.hint


def test_a_patch_for_several_control_planes_stops_before_anything_is_made(
    run: Run, tmp_path: Path
) -> None:
    patch = tmp_path / "patch.yaml"
    patch.write_text("nodes: [{}, {role: control-plane}]\n")
    with pytest.raises(InputError, match="a cluster of several control planes"):
        run(kind_patch=patch, workers=1)
    assert not run.host.engine.images
    assert not run.host.engine.found


def test_a_cluster_without_the_port_or_that_rests_is_refused(run: Run) -> None:
    run.host.cluster("kind")
    with pytest.raises(ClusterError, match="does not publish port 30443"):
        run(cluster_name="kind")
    run.host.engine.stop("kind-control-plane", State.PAUSED)
    with pytest.raises(ClusterError, match=r"does not run: kind-control-plane \(paused\)"):
        run(cluster_name="kind")


def test_another_s_announcement_stays(run: Run) -> None:
    kube = run.host.cluster("kind", BY_HAND)
    theirs = config_map(records.HOSTING, records.HOSTING_NAMESPACE, host="localhost:5001")
    kube.put(theirs)
    run(cluster_name="kind")
    assert kube.get("ConfigMap", records.HOSTING, records.HOSTING_NAMESPACE) == theirs
    assert any("announces another registry" in warning for warning in run.told.warnings)


def test_another_s_context_stays_and_is_named(run: Run) -> None:
    run.kubeconfig.parent.mkdir(parents=True)
    theirs = "clusters: [{name: kind-kind, cluster: {server: 'https://far:6443'}}]\n"
    run.kubeconfig.write_text(theirs)
    assert run().kubeconfig is None
    assert run.kubeconfig.read_text() == theirs
    assert any("not this cluster's" in warning for warning in run.told.warnings)


def test_a_network_that_was_there_is_not_ours(run: Run) -> None:
    run.host.engine.networks.add("kind")
    run()
    assert run.host.engine.found["kind"][0].mark == Mark(
        run.host.engine.found["kind"][0].mark.run,
        network=False,  # type: ignore[union-attr]
    )


def test_the_network_is_ours_for_a_second_cluster_too(run: Run) -> None:
    run()
    receipt = run(cluster_name="second", host_port=free_port())
    assert receipt.created
    assert run.host.engine.found["second"][0].mark.network  # type: ignore[union-attr]


def test_images_only_make_no_cluster_and_land_where_a_registry_is(run: Run) -> None:
    run()
    images_bundle(run.path)
    with pytest.raises(InputError, match="holds images only"):
        run(cluster_name="other")
    assert not run(cluster_name="kind").created
    run.host.cluster("bare", BY_HAND)
    with pytest.raises(ClusterError, match="no registry of airgap's, and this bundle carries none"):
        run(cluster_name="bare")


def test_a_later_kubernetes_leaves_the_cluster_as_it_is_and_says_so(run: Run) -> None:
    run()
    (before,) = run.host.engine.found["kind"]
    loaded = dict(run.host.engine.images)
    cluster_bundle(run.path, node_image=("kindest/node:v2", 15))
    receipt = run()
    said = dict(receipt.steps)["Create the cluster"]
    assert said.startswith("it stays as it is, with Kubernetes v1.33.1, and the images land in it")
    assert "other node image, kindest/node:v2, makes new clusters alone" in said
    assert not receipt.created
    assert len(run.landed) == 2
    assert run.host.engine.images == loaded, "a node image that nothing runs is not loaded"
    assert run.host.engine.found["kind"][0].image == before.image
    assert run(cluster_name="second", host_port=free_port()).created


def test_a_foreign_cluster_stays_as_it_is_too(run: Run) -> None:
    run.host.cluster("mine", BY_HAND)
    assert "it stays as it is" in dict(run(cluster_name="mine").steps)["Create the cluster"]
    images_bundle(run.path)
    assert dict(run(cluster_name="mine").steps)["Create the cluster"] == "already there"


def test_the_bundle_s_certificate_is_used_where_it_fits(tmp_path: Path) -> None:
    run = Run(tmp_path)
    cluster_bundle(run.path, tls=True)
    run()
    run(cluster_name="other", host_port=free_port())
    assert run.landed[0].ca_pem != run.landed[1].ca_pem
    assert any("a new CA is made here" in warning for warning in run.told.warnings)


def test_the_key_is_told_of_and_made_here_where_that_is_asked_for(tmp_path: Path) -> None:
    run = Run(tmp_path)
    cluster_bundle(run.path, tls=True)
    said = "the registry's key came with the bundle"
    run()
    assert any(note.startswith(said) for note in run.told.notes)
    run.told.notes.clear()
    run()
    assert not any(note.startswith(said) for note in run.told.notes), "the cluster has it"
    run.host.engine.found.clear()
    run(own_key=True)
    assert not any(note.startswith(said) for note in run.told.notes)
    assert run.landed[0].ca_pem == run.landed[1].ca_pem != run.landed[2].ca_pem


def test_manifests_that_name_another_image_are_refused(tmp_path: Path) -> None:
    run = Run(tmp_path)
    parameters = cluster_bundle(tmp_path / "first.tar")
    wrong = parameters.to_json() | {"node_digest": "sha256:" + "ab" * 32}
    cluster_bundle(run.path, parameters=wrong)
    with pytest.raises(InputError, match=r"its parameters name sha256:abab|is not what airgap"):
        run()


def test_a_patch_is_merged_and_the_mark_stays(run: Run, tmp_path: Path) -> None:
    patch = tmp_path / "patch.yaml"
    patch.write_text("nodes: [{extraMounts: [{hostPath: /srv, containerPath: /srv}]}]\n")
    run(kind_patch=patch)
    assert run.host.engine.found["kind"][0].mark is not None


def test_what_this_host_lacks_is_told_at_once_and_nothing_is_changed(
    run: Run, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ResourceError) as caught:
            run(kubeconfigs=[blocked / "config"], host_port=port)
    assert "cannot write the kubeconfig" in caught.value.message
    assert f"port {port} of 127.0.0.1 is taken" in caught.value.message
    assert run.host.engine.clusters() == []
    with pytest.raises(ResourceError, match="no home folder"):
        run(kubeconfigs=[])


@contextmanager
def another_run(run: Run) -> Iterator[None]:
    daemon = run.host.engine.facts["ID"]
    with turn(daemon, "kind", Told(), run.host.clock.clock(), wait=False):
        yield


def test_a_second_run_at_once_names_the_first(run: Run) -> None:
    with another_run(run), pytest.raises(BusyError, match=r"at work on the cluster kind: pid \d+"):
        run()
    assert run.host.engine.clusters() == []
    assert run().created


def test_wait_waits(run: Run) -> None:
    other = another_run(run)
    other.__enter__()

    def end() -> None:
        other.__exit__(None, None, None)
        run.host.clock.during = lambda: None

    run.host.clock.during = end
    assert run(wait=True).created
    assert any(note.startswith("waiting for another airgap: pid") for note in run.told.notes)


@pytest.mark.parametrize("images_only", [False, True])
def test_a_cluster_of_a_release_before_is_taken_over(run: Run, *, images_only: bool) -> None:
    run()
    kept = as_before(run)
    if images_only:
        images_bundle(run.path)
    receipt = run(cluster_name="kind")
    assert not receipt.created
    assert dict(receipt.steps)["Start the registry"] == f"it answers at {receipt.registry}"
    found = ready.secret(run.host.kube_of("kind"), "registry", "registry")
    assert {key: found[key] for key in kept} == kept
    assert run.landed[-1].login == Login.of_secret(found)
    deployment = run.host.kube_of("kind").get("Deployment", "registry", "registry")
    assert deployment
    names = [c["name"] for c in deployment["spec"]["template"]["spec"]["containers"]]
    assert names == ["writer", "reader"]
    receipt = run(cluster_name="kind")
    assert dict(receipt.steps)["Start the registry"] == "already there"
    assert run.landed[-1].login == run.landed[-2].login


def test_a_bundle_of_a_release_before_makes_a_registry_with_two_doors(tmp_path: Path) -> None:
    run = Run(tmp_path)
    cluster_bundle(run.path, read_port=0)
    assert run().created
    service = run.host.kube_of("kind").get("Service", "registry", "registry")
    assert service
    assert {port["nodePort"] for port in service["spec"]["ports"]} == {30443, 30444}


def test_the_password_is_made_once_and_the_push_gets_it(run: Run) -> None:
    run()
    run()
    one, other = run.landed
    assert one.login == other.login
    assert one.login.user == "airgap"
    assert one.login.password not in repr(one) + "".join(run.told.notes)


def test_another_image_under_the_registry_s_name_is_replaced(run: Run) -> None:
    run()
    (node,) = run.host.engine.found["kind"]
    ((name, digest),) = node.machine.images.items()
    assert name == f"docker.io/airgap/registry@{digest}"
    node.machine.images[name] = "sha256:" + "f" * 64
    receipt = run()
    assert node.machine.images == {name: digest}
    assert dict(receipt.steps)["Put the registry image on its node"].startswith("as docker.io")


def test_another_image_under_the_node_image_s_name_is_replaced(run: Run) -> None:
    """Somebody loaded an archive into docker in which an image has that name."""
    run()
    ((name, right),) = run.host.engine.images.items()
    run.host.engine.found.clear()
    run.host.engine.images[name] = "sha256:" + "f" * 64
    receipt = run()
    assert run.host.engine.images == {name: right}
    assert run.host.engine.found["kind"][0].image_id == right
    assert dict(receipt.steps)["Load the node image"] == f"as {name}"
    run.host.engine.found.clear()
    assert dict(run().steps)["Load the node image"] == "already there"


def test_a_name_that_is_given_away_meanwhile_starts_nothing_that_stays(run: Run) -> None:
    def stolen() -> None:
        (name,) = run.host.engine.images
        run.host.engine.images[name] = "sha256:" + "f" * 64

    run.host.during_create = stolen
    with pytest.raises(ClusterError, match="docker has another image as airgap/node:sha256-"):
        run()
    assert run.host.engine.clusters() == []


def test_a_node_that_runs_another_image_is_removed(run: Run) -> None:
    original = run.host.cluster

    def made(*arguments: object, **more: bool) -> object:
        (name,) = run.host.engine.images
        right, run.host.engine.images[name] = run.host.engine.images[name], "sha256:" + "f" * 64
        kube = original(*arguments, **more)  # type: ignore[arg-type]
        run.host.engine.images[name] = right
        return kube

    run.host.cluster = made  # type: ignore[method-assign,assignment]
    with pytest.raises(ClusterError, match="and kind-control-plane runs it"):
        run()
    assert run.host.engine.clusters() == []


def test_a_kind_that_was_changed_never_runs(run: Run) -> None:
    data = run.path.read_bytes()
    assert data.count(b"#!/bin/sh\n") == 1
    run.path.write_bytes(data.replace(b"#!/bin/sh\n", b"#!/bin/SH\n"))
    with pytest.raises(InputError, match=r"airgap/bin/kind"):
        run()
    assert run.host.engine.clusters() == []
