import base64
import json
from pathlib import Path
from typing import Any

import pytest

from airgap.cluster.docker.registry_login import Docker
from airgap.cluster.site import Site
from airgap.errors import ClusterError
from airgap.upkeep.trust import Wanted, keep, wanted, withdraw
from tests.unit.unpack.bundles import Run

NAME = "kind-control-plane"


class Program(Docker):
    """A docker program that knows what it was told."""

    known: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "known", {})

    def has(self, address: str, login: Any) -> bool:
        return self.known.get(address) == login.password

    def enter(self, address: str, login: Any) -> None:
        self.known[address] = login.password

    def leave(self, address: str) -> bool:
        return self.known.pop(address, None) is not None


def site(run: Run) -> Site:
    return Site.find(run.host.engine, "kind", run.host.tools)


def look(run: Run) -> Wanted:
    return wanted(site(run), run.folder / "hosts", run.folder / "certs.d")


def test_the_name_means_the_node_itself_and_docker_logs_in(run: Run) -> None:
    docker, found = Program(), look(run)
    port = site(run).control_plane.ports[30443]
    assert found.host.ca_pem == run.landed[0].ca_pem
    assert found.warnings(docker) == []
    changes = found.missing(docker)
    assert changes[0] == f"{run.folder / 'hosts'}: 172.18.0.2 {NAME} # airgap"
    assert changes[-1].startswith(f"docker login {NAME}:30443 --username airgap")
    assert run.landed[0].login.password not in "".join(changes), "it may stand in a log"
    found.apply(docker)
    assert docker.known == {f"{NAME}:30443": run.landed[0].login.password}
    assert look(run).missing(docker) == []
    assert (run.folder / f"certs.d/localhost:{port}/airgap-ca.crt").exists()

    changed = withdraw("kind", docker, run.folder / "hosts", run.folder / "certs.d")
    assert f"docker's login at {NAME}:30443" in changed
    assert docker.known == {}
    assert not (run.folder / "certs.d").exists()


def test_where_docker_cannot_verify_it_gets_no_password(run: Run) -> None:
    run.host.reaches_nodes = False
    docker, found = Program(), look(run)
    (warning,) = found.warnings(docker)
    assert warning.startswith("docker gets no password: kind-control-plane has to mean 127.0.0.1")
    found.apply(docker)
    assert docker.known == {}
    assert f"127.0.0.1 {NAME} # airgap" in (run.folder / "hosts").read_text()
    assert look(run).missing(docker) == []


def test_a_line_by_hand_may_lead_anywhere_so_docker_gets_no_password(run: Run) -> None:
    (run.folder / "hosts").write_text(f"127.0.0.1 {NAME}\n")
    docker, found = Program(), look(run)
    assert "has a line by hand" in found.warnings(docker)[0]
    found.apply(docker)
    assert docker.known == {}


def test_a_node_that_moved_keeps_its_name(run: Run) -> None:
    hosts = run.folder / "hosts"
    keep(site(run), run.told, hosts)
    assert not hosts.exists(), "trust was never asked for"
    hosts.write_text(f"172.18.0.9 {NAME} # airgap\n")
    keep(site(run), run.told, hosts)
    assert hosts.read_text() == f"172.18.0.2 {NAME} # airgap\n"
    assert run.told.notes[-1] == f"{hosts}: 172.18.0.2 {NAME} # airgap"


def test_hosts_that_cannot_be_written_are_a_warning(run: Run) -> None:
    hosts = run.folder / "hosts"
    hosts.mkdir()
    keep(site(run), run.told, hosts)
    assert "airgap trust --cluster-name kind repairs it" in run.told.warnings[-1]


def test_a_cluster_without_a_registry(run: Run) -> None:
    run.host.cluster("bare")
    with pytest.raises(ClusterError, match="bare has no registry of airgap's"):
        wanted(Site.find(run.host.engine, "bare", run.host.tools))


def test_a_registry_without_a_password_is_to_be_taken_over_first(run: Run) -> None:
    secret = run.host.kube_of("kind").get("Secret", "registry", "registry")
    assert secret
    del secret["data"]["password"]
    with pytest.raises(ClusterError, match="from a release before, and open to all") as caught:
        look(run)
    assert "airgap up --cluster-name kind" in caught.value.hint


def test_docker_s_config_tells_whether_it_is_logged_in(run: Run, tmp_path: Path) -> None:
    login, config = run.landed[0].login, tmp_path / "config.json"
    assert not Docker(config).has("r:1", login)

    def auth(user: str) -> dict[str, str]:
        return {"auth": base64.b64encode(f"{user}:{login.password}".encode()).decode()}

    config.write_text(json.dumps({"auths": {"r:1": auth("airgap")}}))
    assert Docker(config).has("r:1", login)
    assert not Docker(config).has("r:2", login)
    assert not Docker(config).leave("r:2")
    config.write_text(json.dumps({"auths": {"r:1": auth("theirs")}}))
    assert not Docker(config).leave("r:1"), "somebody's own login is not ours to take"
    config.write_text("{")
    assert not Docker(config).has("r:1", login)


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_a_registry_of_which_one_half_is_gone_is_none(run: Run, kind: str) -> None:
    kube = run.host.kube_of("kind")
    for key in [key for key in kube.objects if key[:2] == (kind, "registry")]:
        del kube.objects[key]
    with pytest.raises(ClusterError, match="kind has no registry of airgap's"):
        look(run)
