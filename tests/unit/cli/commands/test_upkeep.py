"""airgap status, up, trust and teardown, as they are typed."""

import json
from pathlib import Path

from airgap.cluster.docker.node import State
from tests.unit.cli.commands.conftest import Docker, Ran, told
from tests.unit.unpack.bundles import Run


def test_status_is_7_where_something_is_wrong(cluster: Run, typed: Ran) -> None:
    code, out, _ = typed("status")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "cluster     kind"
    assert lines[1] == "node        kind-control-plane: runs, ready, trusts the registry"
    assert any(line.startswith("bundle      test, 1 images, sha256:") for line in lines)
    assert lines[-1] == "free space  1.00 TB"
    cluster.host.engine.stop("kind-worker", State.STOPPED)
    code, out, err = typed("status", "--json", "--kubeconfig", cluster.kubeconfig)
    assert code == 7
    assert json.loads(out)["nodes"][1]["running"] is False
    assert "kind-worker does not run" in err
    assert "airgap up" in err
    assert typed("status", "-q")[1] == ""


def test_up_starts_what_rests_and_writes_the_access_where_asked(
    cluster: Run, typed: Ran, tmp_path: Path
) -> None:
    cluster.host.engine.stop("kind-worker", State.STOPPED)
    access = tmp_path / "access"
    value = told(typed("up", "--json", "--kubeconfig", access))
    assert value["nodes"] == ["kind-control-plane", "kind-worker"]
    assert value["kubeconfig"] == str(access)
    assert "kind-kind" in access.read_text()
    assert cluster.host.engine.nodes("kind")[1].running
    code, out, err = typed("up")
    assert (code, out) == (0, "")
    assert "they run already" in err
    assert told(typed("up", "--json", "-q"))["kubeconfig"] is None
    assert typed("up", "--cluster-name", "other")[0] == 7


def test_trust_shows_asks_writes_and_takes_back(cluster: Run, typed: Ran) -> None:
    code, shown, _ = typed("trust", "--print")
    assert code == 0
    assert shown.splitlines()[-1].startswith("docker login kind-control-plane:30443")
    assert told(typed("trust", "--print", "--json"))["done"] is False
    code, out, err = typed("trust")
    assert (code, out) == (2, shown), "there is no terminal to ask at"
    assert "--yes" in err
    assert Docker.known == {}
    value = told(typed("trust", "--yes", "--json"))
    assert (value["changes"], value["done"]) == (shown.splitlines(), True)
    assert list(Docker.known) == ["kind-control-plane:30443"]
    assert typed("trust")[:2] == (0, "this host trusts the registry already\n")
    assert typed("trust", "-q")[:2] == (0, "")
    code, out, _ = typed("trust", "--undo")
    assert code == 0
    assert "removed docker's login at kind-control-plane:30443\n" in out
    assert f"removed from {cluster.folder / 'hosts'}\n" in out
    assert Docker.known == {}
    assert typed("trust", "--undo")[1] == "nothing was there\n"
    assert told(typed("trust", "--undo", "--json"))["changes"] == []


def test_teardown_asks_and_removes_what_airgap_made(cluster: Run, typed: Ran) -> None:
    code, _, err = typed("teardown")
    assert code == 2
    assert "Remove kind-control-plane, kind-worker" in err
    assert len(cluster.host.engine.nodes("kind")) == 2
    value = told(typed("teardown", "--yes", "--json"))
    assert value["cluster"] == "kind"
    assert f"kind-kind in {cluster.kubeconfig}" in value["removed"]
    assert value["kept"] == []
    assert cluster.host.engine.clusters() == []
    code, _, err = typed("teardown", "--yes")
    assert code == 7
    assert "kind" in err


def test_renew_says_until_when_the_new_certificate_is_valid(cluster: Run, typed: Ran) -> None:
    value = told(typed("renew", "--json"))
    assert value["cluster"] == "kind"
    assert told(typed("status", "--json"))["certificate_ends"] == value["certificate_ends"]
