from dataclasses import replace
from pathlib import Path

import pytest

from airgap.cluster.host_trust import HostTrust, addresses, left, undo
from airgap.errors import ResourceError


@pytest.fixture
def trust(tmp_path: Path) -> HostTrust:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n10.0.0.1 kind-control-plane.example.org")
    addresses = ["kind-control-plane:30443", "localhost:30443"]
    return HostTrust(
        "kind-control-plane", "172.18.0.2", addresses, b"CA", hosts, tmp_path / "certs.d"
    )


def test_apply_and_undo_leave_the_host_as_it_was(trust: HostTrust) -> None:
    before = trust.hosts.read_text()
    assert len(trust.missing()) == 3
    trust.apply()
    trust.apply()
    assert trust.missing() == []
    first, last = before.split("\n")
    assert trust.hosts.read_text() == f"{first}\n172.18.0.2 kind-control-plane # airgap\n{last}"
    assert (trust.certs / "localhost:30443/airgap-ca.crt").read_bytes() == b"CA"
    assert len(trust.undo()) == 3
    assert trust.undo() == []
    assert trust.hosts.read_text() == before
    assert not trust.certs.exists()


def test_undo_needs_no_cluster(trust: HostTrust) -> None:
    before = trust.hosts.read_text()
    trust.apply()
    assert undo("other", trust.hosts, trust.certs) == []
    assert len(undo("kind", trust.hosts, trust.certs)) == 3
    assert trust.hosts.read_text() == before
    assert not trust.certs.exists()


def test_undo_keeps_what_others_put_there(trust: HostTrust) -> None:
    trust.apply()
    (trust.certs / "localhost:30443/client.cert").write_text("theirs")
    trust.undo()
    assert (trust.certs / "localhost:30443/client.cert").exists()


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"127.0.0.1 localhost\n",
        b"127.0.0.1 localhost\n10.0.0.1 last # without its end",
        b"10.0.0.1 one # caf\xe9\n",
        b"10.0.0.1 one\r\n10.0.0.2 two\r\n",
        b"127.0.0.1 kind-control-plane\n10.9.9.9 x kind-control-plane\n",
    ],
)
def test_every_byte_is_as_before(trust: HostTrust, before: bytes) -> None:
    trust.hosts.write_bytes(before)
    trust.apply()
    content = trust.hosts.read_bytes()
    assert trust.line in content.splitlines(keepends=True)
    assert left("kind", trust.hosts, trust.certs)
    trust.undo()
    assert trust.hosts.read_bytes() == before
    assert not left("kind", trust.hosts, trust.certs)


def test_lines_by_hand_are_named(trust: HostTrust) -> None:
    trust.hosts.write_bytes(b"10.9.9.9 x kind-control-plane # caf\xe9\n#1 kind-control-plane\n")
    trust.apply()
    assert trust.by_hand() == ["10.9.9.9 x kind-control-plane # caf\ufffd"]


def test_what_cannot_be_read_or_written_is_named(trust: HostTrust) -> None:
    trust.hosts.unlink()
    trust.hosts.mkdir()
    for method in (trust.apply, trust.missing, trust.undo, trust.by_hand):
        with pytest.raises(ResourceError, match=r"cannot change .*hosts: Is a directory"):
            method()
    with pytest.raises(ResourceError, match="Is a directory"):
        undo("kind", trust.hosts, trust.certs)
    with pytest.raises(ResourceError, match="Is a directory"):
        left("kind", trust.hosts, trust.certs)


def test_a_node_that_moved_gets_its_address_again(trust: HostTrust) -> None:
    before = trust.hosts.read_text()
    assert not trust.renew(), "a name that trust never wrote is not ours to give"
    assert trust.hosts.read_text() == before
    trust.apply()
    moved = replace(trust, ip="172.18.0.3")
    assert moved.missing() == [f"{trust.hosts}: 172.18.0.3 kind-control-plane # airgap"]
    assert moved.renew()
    assert not moved.renew()
    assert moved.line in trust.hosts.read_bytes()
    assert trust.line not in trust.hosts.read_bytes()
    trust.undo()
    assert trust.hosts.read_text() == before


def test_what_a_release_before_wrote_is_taken_over(trust: HostTrust) -> None:
    old = replace(trust, ip="127.0.0.1")
    before = trust.hosts.read_text()
    old.apply()
    trust.apply()
    assert trust.hosts.read_bytes().count(b"# airgap") == 1
    assert trust.by_hand() == []
    trust.undo()
    assert trust.hosts.read_text() == before


def test_the_addresses_that_docker_believes(trust: HostTrust) -> None:
    assert addresses("kind", trust.certs) == []
    trust.apply()
    assert addresses("kind", trust.certs) == ["kind-control-plane:30443"]
