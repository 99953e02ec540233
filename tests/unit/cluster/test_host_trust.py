from pathlib import Path

import pytest

from airgap.cluster.host_trust import HostTrust, undo
from airgap.cluster.site import forget_kubeconfig


@pytest.fixture
def trust(tmp_path: Path) -> HostTrust:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n10.0.0.1 kind-control-plane.example.org")
    addresses = ["kind-control-plane:30443", "localhost:30443"]
    return HostTrust("kind-control-plane", addresses, b"CA", hosts, tmp_path / "certs.d")


def test_apply_and_undo_leave_the_host_as_it_was(trust: HostTrust) -> None:
    before = trust.hosts.read_text()
    assert len(trust.missing()) == 3
    trust.apply()
    trust.apply()
    assert trust.missing() == []
    assert trust.hosts.read_text() == before + "\n127.0.0.1 kind-control-plane # airgap\n"
    assert (trust.certs / "localhost:30443/airgap-ca.crt").read_bytes() == b"CA"
    assert len(trust.undo()) == 3
    assert trust.undo() == []
    assert trust.hosts.read_text() == before + "\n"
    assert not trust.certs.exists()


def test_undo_needs_no_cluster(trust: HostTrust) -> None:
    before = trust.hosts.read_text()
    trust.apply()
    assert undo("other", trust.hosts, trust.certs) == []
    assert len(undo("kind", trust.hosts, trust.certs)) == 3
    assert trust.hosts.read_text() == before + "\n"
    assert not trust.certs.exists()


def test_undo_keeps_what_others_put_there(trust: HostTrust) -> None:
    trust.apply()
    (trust.certs / "localhost:30443/client.cert").write_text("theirs")
    trust.undo()
    assert (trust.certs / "localhost:30443/client.cert").exists()


def test_a_kubeconfig_loses_one_cluster_alone(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(
        "clusters: [{name: kind-kind, cluster: {}}, {name: other, cluster: {}}]\n"
        "contexts: [{name: kind-kind}, {name: other}]\nusers: [{name: kind-kind}]\n"
        "current-context: kind-kind\n"
    )
    assert forget_kubeconfig(path, "kind")
    assert "kind-kind" not in path.read_text()
    assert path.read_text().count("other") == 2
    assert not forget_kubeconfig(path, "kind")
    assert not forget_kubeconfig(tmp_path / "missing", "kind")
