"""airgap unpack, doctor, status, up, trust and teardown, as they are typed, on a host in memory."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airgap.cli import app
from airgap.cluster import ports
from airgap.cluster.docker import registry_login
from airgap.cluster.docker.node import State
from airgap.cluster.doors.login import Login
from airgap.unpack import doctor, unpack
from airgap.upkeep import teardown, trust
from tests.unit.unpack.bundles import Run, cluster_bundle

Ran = Callable[..., tuple[int, str, str]]


class Docker(registry_login.Docker):
    """A docker program that remembers its logins."""

    known: dict[str, str] = {}  # noqa: RUF012  (emptied for each test)

    def has(self, address: str, login: Login) -> bool:
        return self.known.get(address) == login.password

    def enter(self, address: str, login: Login) -> None:
        self.known[address] = login.password

    def leave(self, address: str) -> bool:
        return self.known.pop(address, None) is not None


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A host without a cluster; commands find it, and files of it, in place of this one."""
    found = Run(tmp_path)
    cluster_bundle(found.path, workers=1)
    Docker.known.clear()
    monkeypatch.setattr(registry_login, "Docker", Docker)
    monkeypatch.setattr(ports, "Tools", lambda: found.host.tools)
    for module in (unpack, doctor):
        monkeypatch.setattr(module, "Tools", lambda: found.host.tools)
    monkeypatch.setattr(
        unpack, "unpack", partial(unpack.unpack, tools=found.host.tools, land=found.land)
    )
    files = {"hosts": tmp_path / "hosts", "certs": tmp_path / "certs.d"}
    wanted = trust.wanted
    monkeypatch.setattr(trust, "wanted", lambda site, *_: wanted(site, **files))
    monkeypatch.setattr(trust, "withdraw", partial(trust.withdraw, **files))
    monkeypatch.setattr(trust, "keep", partial(trust.keep, hosts=files["hosts"]))
    monkeypatch.setattr(teardown, "Own", partial(teardown.Own, **files))
    monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig))
    return found


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Ran:
    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = app.run([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def cluster(host: Run) -> Run:
    host()
    return host


def told(ran: tuple[int, str, str]) -> dict[str, Any]:
    assert ran[0] == 0, ran[2]
    value: dict[str, Any] = json.loads(ran[1])
    return value


def test_unpack_tells_what_it_made_and_what_comes_next(host: Run, run: Ran) -> None:
    code, out, _ = run("unpack", host.path, "--workers", "0")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("Unpacked 1 images in ")
    assert lines[1] == "  cluster    kind (made)"
    assert lines[-1].startswith(f"Next: kubectl --kubeconfig {host.kubeconfig} --context kind-kind")
    again = told(run("unpack", host.path, "--json", "-q"))
    assert (again["cluster"], again["created"]) == ("kind", False)
    code, out, err = run("unpack", host.path, "-q")
    assert (code, out) == (0, "")
    assert all(line.startswith("warning: ") for line in err.splitlines())


def test_doctor_says_what_would_stop_unpack(
    host: Run, run: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = doctor.Examination({"host": "Debian"}, [])
    monkeypatch.setattr(doctor, "examine", lambda *_: ready)
    assert run("doctor", "--bundle", host.path)[:2] == (
        0, "host       Debian\nready      nothing stands in the way\n",
    )  # fmt: skip
    assert told(run("doctor", "--json"))["ready"]
    assert run("doctor", "-q")[1:] == ("", "")
    found = [doctor.Finding("no room", "free some", fatal=True), doctor.Finding("swap", "-", False)]
    monkeypatch.setattr(doctor, "examine", lambda *_: doctor.Examination({}, found))
    code, out, err = run("doctor")
    assert code == 6
    assert out.splitlines()[:2] == ["stops      no room", "           -> free some"]
    assert "mind       swap" in out
    assert "1 of what is said above" in err


def test_status_is_7_where_something_is_wrong(cluster: Run, run: Ran) -> None:
    code, out, _ = run("status")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "cluster     kind"
    assert lines[1] == "node        kind-control-plane: runs, ready, trusts the registry"
    assert any(line.startswith("bundle      test, 1 images, sha256:") for line in lines)
    assert lines[-1] == "free space  1.00 TB"
    cluster.host.engine.stop("kind-worker", State.STOPPED)
    code, out, err = run("status", "--json", "--kubeconfig", cluster.kubeconfig)
    assert code == 7
    assert json.loads(out)["nodes"][1]["running"] is False
    assert "kind-worker does not run" in err
    assert "airgap up" in err
    assert run("status", "-q")[1] == ""


def test_up_starts_what_rests_and_writes_the_access_where_asked(
    cluster: Run, run: Ran, tmp_path: Path
) -> None:
    cluster.host.engine.stop("kind-worker", State.STOPPED)
    access = tmp_path / "access"
    value = told(run("up", "--json", "--kubeconfig", access))
    assert value["nodes"] == ["kind-control-plane", "kind-worker"]
    assert value["kubeconfig"] == str(access)
    assert "kind-kind" in access.read_text()
    assert cluster.host.engine.nodes("kind")[1].running
    code, out, err = run("up")
    assert (code, out) == (0, "")
    assert "they run already" in err
    assert told(run("up", "--json", "-q"))["kubeconfig"] is None
    assert run("up", "--cluster-name", "other")[0] == 7


def test_trust_shows_asks_writes_and_takes_back(cluster: Run, run: Ran) -> None:
    code, shown, _ = run("trust", "--print")
    assert code == 0
    assert shown.splitlines()[-1].startswith("docker login kind-control-plane:30443")
    assert told(run("trust", "--print", "--json"))["done"] is False
    code, out, err = run("trust")
    assert (code, out) == (2, shown), "there is no terminal to ask at"
    assert "--yes" in err
    assert Docker.known == {}
    value = told(run("trust", "--yes", "--json"))
    assert (value["changes"], value["done"]) == (shown.splitlines(), True)
    assert list(Docker.known) == ["kind-control-plane:30443"]
    assert run("trust")[:2] == (0, "this host trusts the registry already\n")
    assert run("trust", "-q")[:2] == (0, "")
    code, out, _ = run("trust", "--undo")
    assert code == 0
    assert "removed docker's login at kind-control-plane:30443\n" in out
    assert f"removed from {cluster.folder / 'hosts'}\n" in out
    assert Docker.known == {}
    assert run("trust", "--undo")[1] == "nothing was there\n"
    assert told(run("trust", "--undo", "--json"))["changes"] == []


def test_teardown_asks_and_removes_what_airgap_made(cluster: Run, run: Ran) -> None:
    code, _, err = run("teardown")
    assert code == 2
    assert "Remove kind-control-plane, kind-worker" in err
    assert len(cluster.host.engine.nodes("kind")) == 2
    value = told(run("teardown", "--yes", "--json"))
    assert value["cluster"] == "kind"
    assert f"kind-kind in {cluster.kubeconfig}" in value["removed"]
    assert value["kept"] == []
    assert cluster.host.engine.clusters() == []
    code, _, err = run("teardown", "--yes")
    assert code == 7
    assert "kind" in err
