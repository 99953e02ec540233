import io
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

from airgap.cluster import mirrors as trust
from airgap.cluster.parameters import Parameters

PARAMETERS = Parameters("sha256:" + "ab" * 32, "sha256:" + "cd" * 32, workers=1)
NODES = ["kind-control-plane", "kind-worker"]


def test_upstream_hosts_are_served_from_below_their_name() -> None:
    found = trust.files(["docker.io", "localhost:5000"], PARAMETERS, NODES, 30443)
    assert found["/etc/containerd/certs.d/docker.io/hosts.toml"].decode() == (
        'server = "https://kind-control-plane:30443/v2/docker.io"\n'
        "override_path = true\n"
        'capabilities = ["pull", "resolve"]\n'
        'ca = "/etc/containerd/certs.d/.airgap/ca.crt"\n'
        "\n"
        "[host]\n"
    )
    text = found["/etc/containerd/certs.d/localhost:5000/hosts.toml"].decode()
    assert 'server = "https://kind-control-plane:30443/v2/localhost_5000"' in text


def test_the_registry_s_own_names_lead_to_it() -> None:
    found = trust.files([], PARAMETERS, NODES, 31000)
    hosts = {path.split("/")[4] for path in found}
    assert {
        "kind-control-plane:30443", "kind-worker:30443", "localhost:30443", "localhost:31000",
        "[::1]:30443",
        "kind-control-plane:31000", "registry.registry.svc", "registry.registry.svc:443",
    } <= hosts  # fmt: skip
    further = replace(PARAMETERS, hosts=("2001:db8::5",))
    six = {path.split("/")[4] for path in trust.files([], further, NODES, 31000)} - hosts
    assert six == {"[2001:db8::5]:30443", "[2001:db8::5]:31000"}
    for content in found.values():
        assert content.startswith(b'server = "https://kind-control-plane:30443"\n')
        assert b"override_path" not in content


def test_the_archive_has_plain_files_alone() -> None:
    data = trust._archive({"/etc/a/b": b"content"})
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        (member,) = tar.getmembers()
        assert (member.name, member.mode, member.isreg()) == ("etc/a/b", 0o644, True)


class FakeNode:
    """A node whose shell runs here, with a folder for its root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str, stdin: bytes = b"", seconds: float = 60) -> bytes:
        script = (
            command[-1].replace("/etc/", f"{self.root}/etc/").replace("-C /", f"-C {self.root}")
        )
        found = subprocess.run(["sh", "-c", script], input=stdin, check=True, capture_output=True)
        return found.stdout.replace(str(self.root).encode(), b"")


def test_a_host_may_be_called_as_the_ca_of_an_earlier_airgap_was(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    old = tmp_path / "etc/containerd/certs.d/airgap-ca.crt"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old CA")
    wanted = trust.files(["airgap-ca.crt", "docker.io"], PARAMETERS, NODES, 30443)
    for written in (len(wanted) + 1, 0):
        assert trust.trust_node(node, wanted, b"CA") == written  # type: ignore[arg-type]
    assert (old / "hosts.toml").read_bytes() == wanted[f"{trust.FOLDER}/airgap-ca.crt/hosts.toml"]
    assert (tmp_path / trust.CA_PATH.lstrip("/")).read_bytes() == b"CA"


def test_the_ca_of_an_earlier_airgap_is_not_left_behind(tmp_path: Path) -> None:
    node = FakeNode(tmp_path)
    old = tmp_path / "etc/containerd/certs.d/airgap-ca.crt"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old CA")
    wanted = trust.files(["docker.io"], PARAMETERS, NODES, 30443)
    trust.trust_node(node, wanted, b"CA")  # type: ignore[arg-type]
    assert not old.exists()
