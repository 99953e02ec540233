"""Who may read: all, or who has the password; nodes are never without what they need for it."""

import base64
import tomllib
from pathlib import Path

import pytest
import yaml

from airgap.cluster.doors.login import Login
from airgap.cluster.kube import ready
from airgap.cluster.mirrors import FOLDER
from airgap.cluster.objects.registry import is_guarded
from airgap.cluster.site import Site
from airgap.errors import ClusterError
from airgap.upkeep.renew import renew
from airgap.upkeep.status import look
from airgap.upkeep.up import up
from tests.support.bundles import Content
from tests.support.cluster import FakeNode
from tests.unit.unpack.bundles import Run, as_before, cluster_bundle, images_bundle


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = Run(tmp_path)
    cluster_bundle(found.path, workers=1)
    return found


def site(run: Run) -> Site:
    return Site.find(run.host.engine, "kind", run.host.tools)


def secret(run: Run) -> dict[str, bytes]:
    return ready.secret(run.host.kube_of("kind"), "registry", "registry")


def headers(node: FakeNode) -> set[str | None]:
    """What the nodes' files send, of all hosts."""
    files = (c for path, c in node.machine.files.items() if path.startswith(f"{FOLDER}/"))
    read = [tomllib.loads(c.decode()) for c in files if b"server" in c]
    assert all(list(each)[-1] == "host" for each in read), "containerd 1 wants that table last"
    return {each.get("header", {}).get("Authorization") for each in read}


def check(run: Run, *, guarded: bool) -> None:
    deployment = run.host.kube_of("kind").get("Deployment", "registry", "registry")
    assert deployment
    assert is_guarded(deployment) == guarded
    config = run.host.kube_of("kind").get("ConfigMap", "registry", "registry")
    assert config
    assert ("auth" in yaml.safe_load(config["data"]["reader.yml"])) == guarded
    assert "auth" in yaml.safe_load(config["data"]["writer.yml"])
    reading = Login.for_reading(secret(run))
    assert (reading is not None) == guarded
    wanted = {reading.authorization() if reading else None}
    for node in run.host.engine.found["kind"]:
        assert headers(node) == wanted
    assert look(site(run)).problems == []


def test_reading_is_open_unless_somebody_says_otherwise(run: Run) -> None:
    run()
    check(run, guarded=False)


def test_a_new_cluster_may_be_closed_from_the_start(run: Run) -> None:
    run(registry_auth="all")
    check(run, guarded=True)
    run()
    check(run, guarded=True)


def test_it_is_switched_and_stays_as_it_was_switched(run: Run) -> None:
    run()
    for auth, guarded in (("all", True), (None, True), ("write", False), (None, False)):
        run(registry_auth=auth)
        check(run, guarded=guarded)
        up(site(run), run.told)
        check(run, guarded=guarded)
        renew(site(run), run.told, None, run.folder / "hosts", run.folder / "certs.d")
        check(run, guarded=guarded)


def test_the_password_stays_while_it_is_needed(run: Run) -> None:
    run(registry_auth="all")
    before = secret(run)
    run(registry_auth="all")
    assert secret(run) == before


def test_whoever_may_write_may_read_and_no_node_has_that_password(run: Run) -> None:
    import bcrypt

    run(registry_auth="all")
    found = secret(run)
    lines = dict(line.split(b":", 1) for line in found["readers"].splitlines())
    assert lines.keys() == {b"airgap", b"airgap-reader"}
    assert bcrypt.checkpw(found["password"], lines[b"airgap"])
    assert bcrypt.checkpw(found["reading-password"], lines[b"airgap-reader"])
    assert found["password"] != found["reading-password"]
    assert b"airgap-reader" not in found["htpasswd"], "who reads cannot write"
    secrets = found["password"], base64.b64encode(b"airgap:" + found["password"])
    for node in run.host.engine.found["kind"]:
        assert not any(text in c for text in secrets for c in node.machine.files.values())


def test_hosts_that_landed_before_are_told_too(run: Run) -> None:
    run()
    content = Content()
    content.simple("quay.io/org/app:v1", 2, 3000)
    cluster_bundle(run.path, workers=1, content=content)
    run(registry_auth="all")
    check(run, guarded=True)
    run(registry_auth="write")
    check(run, guarded=False)


def test_a_bundle_of_images_alone_switches_too(run: Run) -> None:
    run()
    images_bundle(run.path)
    for auth, guarded in (("all", True), ("write", False)):
        run(registry_auth=auth)
        check(run, guarded=guarded)


def test_a_registry_of_a_release_before_can_be_closed(run: Run) -> None:
    run()
    as_before(run)
    run(registry_auth="all")
    check(run, guarded=True)


class Changes:
    """Counts changes in the cluster, and interrupts at one of them."""

    def __init__(self, ends_at: int = 0) -> None:
        self.seen, self.ends_at = 0, ends_at

    def __call__(self) -> None:
        self.seen += 1
        if self.seen == self.ends_at:
            raise ClusterError("interrupted")


@pytest.mark.parametrize("auth", ["all", "write"])
def test_interrupted_anywhere_the_next_run_goes_on(run: Run, auth: str) -> None:
    run(registry_auth="write" if auth == "all" else "all")
    kube = run.host.kube_of("kind")
    changes = Changes()
    kube.after = changes
    run(registry_auth=auth)
    assert changes.seen > 5
    for number in range(1, changes.seen + 1):
        kube.after = Changes()
        run(registry_auth="write" if auth == "all" else "all")
        kube.after = Changes(number)
        with pytest.raises(ClusterError):
            run(registry_auth=auth)
        run(registry_auth=auth)
        check(run, guarded=auth == "all")
