from dataclasses import replace

import pytest

from airgap.cluster import mirrors as trust
from airgap.cluster.parameters import Parameters
from airgap.errors import ClusterError
from tests.support.cluster import FakeNode

PARAMETERS = Parameters("sha256:" + "ab" * 32, "sha256:" + "cd" * 32, workers=1, read_port=30444)
NODES = ["kind-control-plane", "kind-worker"]


def test_upstream_hosts_are_served_from_below_their_name() -> None:
    found = trust.files(["docker.io", "localhost:5000"], PARAMETERS, NODES, 30443)
    assert found["/etc/containerd/certs.d/docker.io/hosts.toml"].decode() == (
        'server = "https://kind-control-plane:30444/v2/docker.io"\n'
        "override_path = true\n"
        'capabilities = ["pull", "resolve"]\n'
        'ca = "/etc/containerd/certs.d/.airgap/ca.crt"\n'
        "\n"
        "[host]\n"
    )
    text = found["/etc/containerd/certs.d/localhost:5000/hosts.toml"].decode()
    assert 'server = "https://kind-control-plane:30444/v2/localhost_5000"' in text


def test_the_registry_s_own_names_lead_to_it() -> None:
    found = trust.files([], PARAMETERS, NODES, 31000)
    hosts = {path.split("/")[4] for path in found}
    assert {
        "kind-control-plane:30443", "kind-worker:30443", "localhost:30443", "localhost:31000",
        "[::1]:30443", "kind-control-plane:30444",
        "kind-control-plane:31000", "registry.registry.svc", "registry.registry.svc:443",
        "registry.registry.svc:5000",
    } <= hosts  # fmt: skip
    further = replace(PARAMETERS, hosts=("2001:db8::5",))
    six = {path.split("/")[4] for path in trust.files([], further, NODES, 31000)} - hosts
    assert six == {f"[2001:db8::5]:{port}" for port in (30443, 30444, 31000)}
    for content in found.values():
        assert content.startswith(b'server = "https://kind-control-plane:30444"\n')
        assert b"override_path" not in content


OLD_CA = "/etc/containerd/certs.d/airgap-ca.crt"


def test_a_host_may_be_called_as_the_ca_of_an_earlier_airgap_was() -> None:
    node = FakeNode("kind-control-plane")
    node.write_file(OLD_CA, b"old CA")
    wanted = trust.files(["airgap-ca.crt", "docker.io"], PARAMETERS, NODES, 30443)
    for written in (len(wanted) + 1, 0):
        assert trust.trust_node(node, wanted, b"CA") == written
    assert OLD_CA not in node.machine.files
    assert node.machine.files[trust.CA_PATH] == b"CA"


def test_what_an_earlier_airgap_wrote_is_taken_over() -> None:
    node = FakeNode("kind-control-plane")
    node.write_file(OLD_CA, b"old CA")
    for host in ("docker.io", "left.example.org"):
        old = f'server = "x"\nca = "{OLD_CA}"\n'.encode()
        node.write_file(f"{trust.FOLDER}/{host}/hosts.toml", old)
    wanted = trust.files(["docker.io"], PARAMETERS, NODES, 30443)
    assert trust.trust_node(node, wanted, b"CA") == len(wanted) + 1
    assert OLD_CA not in node.machine.files
    assert trust.undo(node) == len(wanted) + 2
    assert node.machine.files == {}


def test_what_differs_is_written_and_taken_back() -> None:
    node = FakeNode("kind-control-plane")
    theirs = "/etc/containerd/certs.d/example.org/hosts.toml"
    node.write_file(theirs, b'server = "https://mirror"')
    wanted = trust.files(["docker.io"], PARAMETERS, NODES, 30443)
    assert trust.trust_node(node, wanted, b"CA") == len(wanted) + 1
    assert trust.trust_node(node, wanted, b"CA") == 0
    assert list(trust.missing(node, wanted, b"another CA")) == [trust.CA_PATH]
    assert trust.undo(node) == len(wanted) + 1
    assert node.machine.files.keys() == {theirs}
    assert trust.undo(node) == 0


def test_somebody_s_own_file_for_a_host_is_neither_replaced_nor_removed() -> None:
    node = FakeNode("kind-control-plane")
    theirs = "/etc/containerd/certs.d/docker.io/hosts.toml"
    node.write_file(theirs, b'server = "https://mirror"')
    wanted = trust.files(["docker.io"], PARAMETERS, NODES, 30443)
    with pytest.raises(ClusterError, match=r"docker\.io/hosts\.toml, which airgap did not write"):
        trust.trust_node(node, wanted, b"CA")
    assert node.machine.files == {theirs: b'server = "https://mirror"'}
