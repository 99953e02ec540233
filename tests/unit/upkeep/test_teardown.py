from pathlib import Path

import pytest
import yaml

from airgap.cluster import kubeconfig
from airgap.cluster.docker.provider import PODMAN
from airgap.cluster.host_trust import HostTrust
from airgap.cluster.objects import landed as records
from airgap.cluster.site import Site
from airgap.errors import ClusterError
from airgap.upkeep.teardown import Outcome, Own, question, teardown
from tests.support.cluster import FakeNode, config_map
from tests.unit.unpack.bundles import Run

BY_HAND = (
    {"role": "control-plane", "extraPortMappings": [{"containerPort": 30443, "hostPort": 31000}]},
)


def own(run: Run) -> Own:
    return Own([run.kubeconfig], run.folder / "hosts", run.folder / "certs.d")


def go(run: Run, name: str = "kind") -> Outcome:
    site = Site.look(run.host.engine, name, run.host.tools)
    return teardown(run.host.engine, name, site, own(run), run.told, run.host.clock.clock())


def trusted(run: Run) -> None:
    addresses = ["kind-control-plane:30443", "localhost:30443"]
    HostTrust("kind-control-plane", "172.18.0.2", addresses, b"CA", run.folder / "hosts",
              run.folder / "certs.d").apply()  # fmt: skip


def test_all_that_airgap_made_goes(run: Run) -> None:
    hosts = run.folder / "hosts"
    hosts.write_bytes(b"127.0.0.1 localhost")
    trusted(run)
    image = run.host.engine.found["kind"][0].image
    go(run)
    assert run.host.engine.clusters() == []
    assert image not in run.host.engine.images
    assert run.host.engine.networks == set()
    assert hosts.read_bytes() == b"127.0.0.1 localhost"
    assert not (run.folder / "certs.d").exists()
    config = yaml.safe_load(run.kubeconfig.read_text())
    assert config["clusters"] == config["users"] == config["contexts"] == []


def test_the_context_that_was_current_before_is_so_again(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("contexts: [{name: mine, context: {}}]\ncurrent-context: mine\n")
    run(kubeconfigs=[path])
    assert yaml.safe_load(path.read_text())["current-context"] == "kind-kind"
    run.kubeconfig = path
    go(run)
    assert yaml.safe_load(path.read_text())["current-context"] == "mine"


def test_volumes_go_in_a_second_run_too(run: Run) -> None:
    engine = run.host.engine
    engine.provider = PODMAN
    engine.volumes = {"a": "kind-worker", "b": "other-worker"}
    engine.broken["remove volumes"] = "the disk is busy"
    with pytest.raises(ClusterError, match="volumes of kind: the disk is busy"):
        go(run)
    assert engine.clusters() == []
    engine.broken.clear()
    assert "volume a" in go(run).removed
    assert list(engine.volumes) == ["b"]


def test_a_network_that_was_there_stays_and_is_named(tmp_path: Path, run: Run) -> None:
    go(run)
    run.host.engine.networks.add("kind")
    run()
    outcome = go(run)
    assert run.host.engine.networks == {"kind"}
    assert "the docker network kind: it was there before" in outcome.kept


def test_a_node_added_by_hand_goes_with_its_cluster(run: Run) -> None:
    run.host.engine.found["kind"].append(FakeNode("kind-worker2", role="worker"))
    assert "kind-worker2" in question(Site.find(run.host.engine, "kind", run.host.tools))
    go(run)
    assert run.host.engine.clusters() == []


def test_an_image_that_another_cluster_runs_stays(run: Run) -> None:
    image = run.host.engine.found["kind"][0].image
    run.host.cluster("other", [{"role": "control-plane", "image": image}])
    go(run)
    assert image in run.host.engine.images


def test_a_failure_does_not_end_it_and_a_second_one_finds_the_rest(run: Run) -> None:
    run.host.engine.broken["remove kind-control-plane"] = "device or resource busy"
    run.kubeconfig.write_text("[]")
    with pytest.raises(ClusterError, match="device or resource busy") as caught:
        go(run)
    assert "is no mapping" in caught.value.message
    assert [node.name for node in run.host.engine.found["kind"]] == ["kind-control-plane"]
    run.host.engine.broken.clear()
    run.kubeconfig.unlink()
    assert "node kind-control-plane" in go(run).removed


def test_a_cluster_that_is_gone_leaves_a_rest_that_is_found(run: Run) -> None:
    trusted(run)
    run.host.engine.found.clear()
    removed = go(run).removed
    assert any(str(run.folder / "hosts") in text for text in removed)
    assert f"kind-kind in {run.kubeconfig}" in removed
    assert go(run).removed == []


def test_a_foreign_cluster_stays_and_loses_airgap_s_part_alone(run: Run) -> None:
    kube = run.host.cluster("theirs", BY_HAND)
    (node,) = run.host.engine.found["theirs"]
    mirror = "/etc/containerd/certs.d/example.org/hosts.toml"
    node.machine.files[mirror] = b'server = "https://mirror"\n'
    node.machine.images["docker.io/library/theirs:1"] = "sha256:theirs"
    announced = config_map(records.HOSTING, records.HOSTING_NAMESPACE, host="localhost:5001")
    kube.put(announced)
    before = dict(node.machine.files), dict(node.machine.images), dict(kube.objects)
    run(cluster_name="theirs")
    site = Site.find(run.host.engine, "theirs", run.host.tools)
    assert "is not of airgap's making and stays" in question(site)

    outcome = go(run, "theirs")
    assert outcome.kept[0] == "the cluster theirs: airgap did not make it"
    assert (node.machine.files, node.machine.images, kube.objects) == before
    assert not node.machine.folders
    assert run.host.engine.clusters() == ["kind", "theirs"]
    assert "Namespace registry" in outcome.removed
    assert f"the registry's content on {node.name}" in outcome.removed
    assert f"the registry's content on {node.name}" not in go(run, "theirs").removed
    assert "kind-theirs" not in run.kubeconfig.read_text()


def test_the_access_that_its_maker_has_to_a_foreign_cluster_stays(run: Run) -> None:
    """kind wrote it, and it has the cluster's own CA."""
    run.host.cluster("theirs", BY_HAND)
    access = Site.find(run.host.engine, "theirs", run.host.tools).access()
    kubeconfig.add(run.kubeconfig, "theirs", access, run.host.clock.clock())
    value = yaml.safe_load(run.kubeconfig.read_text())
    del next(e for e in value["clusters"] if e["name"] == "kind-theirs")["cluster"]["extensions"]
    run.kubeconfig.write_text(text := yaml.safe_dump(value))
    run(cluster_name="theirs")
    assert run.kubeconfig.read_text() == text
    outcome = go(run, "theirs")
    assert run.kubeconfig.read_text() == text
    assert f"kind-theirs in {run.kubeconfig}: airgap did not write it" in outcome.kept


def test_a_foreign_cluster_whose_api_hangs_is_told(run: Run) -> None:
    kube = run.host.cluster("theirs", BY_HAND)
    run(cluster_name="theirs")
    kube.broken["*"] = ClusterError("the Kubernetes API does not answer")
    with pytest.raises(ClusterError, match="Namespace registry: the Kubernetes API does not"):
        go(run, "theirs")


def test_a_foreign_cluster_that_was_not_finished_is_told(run: Run) -> None:
    run.host.cluster("theirs")
    run.host.engine.found["theirs"][0].machine.files.clear()
    with pytest.raises(ClusterError, match=r"the registry in theirs: .* was not finished"):
        go(run, "theirs")


def test_a_foreign_entry_of_the_same_name_stays(run: Run) -> None:
    text = "clusters: [{name: kind-kind, cluster: {server: 'https://far:6443'}}]\n"
    run.kubeconfig.write_text(text)
    outcome = go(run)
    assert run.kubeconfig.read_text() == text
    assert f"kind-kind in {run.kubeconfig}: airgap did not write it" in outcome.kept
