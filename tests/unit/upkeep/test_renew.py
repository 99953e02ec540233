"""A new CA and key, interrupted anywhere: nobody is led to a registry that he does not believe."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from airgap.certificates.make import issue
from airgap.certificates.prove import check, names_of
from airgap.certificates.values import Authority, Tls
from airgap.cluster.docker.node import State
from airgap.cluster.kube import ready
from airgap.cluster.mirrors import CA_PATH
from airgap.cluster.objects.registry import FORMER
from airgap.cluster.site import Site
from airgap.errors import ClusterError, TrustError
from airgap.upkeep.renew import renew
from airgap.upkeep.status import look
from airgap.upkeep.up import up
from tests.support.authorities import own_ca
from tests.support.cluster import FakeKube, vouches
from tests.unit.unpack.bundles import Run, as_before


class Watched:
    """A cluster in which it is seen at every change that no pull could fail."""

    def __init__(self, run: Run) -> None:
        self.run, self.kube = run, run.host.kube_of("kind")
        self.seen, self.ends_after = 0, -1
        self.hosts, self.certs = run.folder / "hosts", run.folder / "certs.d"
        self.kube.after = self.look

    def look(self) -> None:
        served = self.kube.served()
        assert served, "somebody serves"
        for node in self.run.host.engine.found["kind"]:
            known = node.machine.files[CA_PATH]
            assert all(vouches(known, each) for each in served), node.name
        self.seen += 1
        if self.seen == self.ends_after:
            raise ClusterError("interrupted")

    def __call__(self, authority: Authority | None = None) -> None:
        site = Site.find(self.run.host.engine, "kind", self.run.host.tools)
        renew(site, self.run.told, authority, self.hosts, self.certs)

    @property
    def secret(self) -> dict[str, bytes]:
        return ready.secret(self.kube, "registry", "registry")

    def problems(self) -> list[str]:
        return look(Site.find(self.run.host.engine, "kind", self.run.host.tools)).problems

    def is_done(self, before: bytes) -> None:
        secret = self.secret
        check(Tls(secret["ca.crt"], secret["tls.crt"], secret["tls.key"]))
        assert secret["ca.crt"] != before
        assert secret["ca.crt"].count(b"BEGIN CERTIFICATE") == 1
        assert not [key for key in secret if key.startswith("next")]
        assert self.kube.served() == [secret["tls.crt"]]
        assert not self.kube.pods(FORMER)
        for node in self.run.host.engine.found["kind"]:
            assert node.machine.files[CA_PATH] == secret["ca.crt"]
        assert self.problems() == []


@pytest.fixture
def watched(run: Run) -> Watched:
    return Watched(run)


def test_nodes_and_registry_change_and_all_else_stays(watched: Watched) -> None:
    before = watched.secret
    watched()
    watched.is_done(before["ca.crt"])
    after = watched.secret
    same = ("password", "htpasswd", "http-secret")
    assert [after[key] for key in same] == [before[key] for key in same]
    assert after["tls.key"] != before["tls.key"]
    assert set(names_of(after["tls.crt"])) == set(names_of(before["tls.crt"]))
    watched()
    watched.is_done(after["ca.crt"])


def test_interrupted_at_any_change_the_next_run_goes_on(watched: Watched) -> None:
    watched()
    changes, ends = watched.seen, 0
    assert changes >= 6
    for number in range(1, changes + 1):
        before = watched.secret["ca.crt"]
        watched.seen, watched.ends_after = 0, number
        with pytest.raises(ClusterError, match="interrupted"):
            watched()
        watched.ends_after = -1
        if watched.secret["ca.crt"] != before and "next-ca.crt" in watched.secret:
            assert any("airgap renew" in problem for problem in watched.problems())
        up(Site.find(watched.run.host.engine, "kind", watched.run.host.tools), watched.run.told)
        watched.look()
        watched.run()  # unpack, meanwhile
        watched.look()
        ends += 1
        watched()
        watched.is_done(before)
    assert ends == changes


def test_what_was_begun_is_not_begun_again(watched: Watched) -> None:
    watched.ends_after = 1
    with pytest.raises(ClusterError):
        watched()
    begun = watched.secret["next.crt"]
    watched()
    assert watched.secret["tls.crt"] == begun


def test_a_node_that_joined_since_is_among_the_names(watched: Watched) -> None:
    nodes = watched.run.host.engine.found["kind"]
    nodes.append(type(nodes[1])("by-hand", role="worker", address="172.18.0.9"))
    watched.kube.node("by-hand")
    nodes[-1].machine.files[CA_PATH] = watched.secret["ca.crt"]
    watched()
    assert "by-hand" in names_of(watched.secret["tls.crt"])


def test_an_organisation_s_ca_signs_and_signs_again(watched: Watched) -> None:
    authority = own_ca()
    for _ in range(2):
        before = watched.secret["tls.crt"]
        watched(authority)
        assert watched.secret["ca.crt"] == authority.cert_pem
        assert watched.secret["tls.crt"] != before
        assert watched.kube.served() == [watched.secret["tls.crt"]]


def test_a_ca_that_may_not_sign_changes_nothing(watched: Watched) -> None:
    before = watched.secret
    with pytest.raises(TrustError):
        watched(Authority(issue(["x"]).cert_pem, b"no key"))
    assert watched.secret == before


def test_what_is_being_fetched_is_waited_for(watched: Watched) -> None:
    (first, second) = watched.run.host.engine.found["kind"]
    moves = iter(range(5))
    second.machine.fetching = lambda: f"layer {next(moves, 5)}"
    first.machine.fetching = lambda: "left over since yesterday"
    watched()
    assert next(moves, None) is None
    assert watched.run.told.warnings[1:] == []
    clock = watched.run.host.clock
    second.machine.fetching = lambda: f"layer {clock.time}"
    before = clock.time
    watched()
    assert clock.time - before < 180
    assert watched.run.told.warnings[-1].startswith("kind-worker still fetched")


def test_a_new_pod_that_is_never_ready_leaves_the_one_before(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = FakeKube._pod

    def waits(kube: FakeKube, *arguments: object) -> None:
        made(kube, *arguments)  # type: ignore[arg-type]
        for pod in kube.pods({"app.kubernetes.io/name": "registry"}):
            pod["status"] = {
                "conditions": [{"type": "PodScheduled", "status": "False", "message": "no room"}]
            }

    before = watched.secret
    monkeypatch.setattr(FakeKube, "_pod", waits)
    with pytest.raises(ClusterError, match=r"new pod: not ready after 300 s \(no room\)"):
        watched()
    assert before["tls.crt"] in watched.kube.served()
    monkeypatch.setattr(FakeKube, "_pod", made)
    for pod in watched.kube.pods({"app.kubernetes.io/name": "registry"}):
        pod["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    watched()
    assert len(watched.kube.served()) == 1


def test_where_this_host_reaches_no_node_its_own_port_tells(watched: Watched) -> None:
    watched.run.host.reaches_nodes = False
    before = watched.secret["ca.crt"]
    watched()
    watched.is_done(before)


def test_docker_is_told_where_it_believed_the_ca_before(watched: Watched) -> None:
    watched()
    assert not watched.certs.exists(), "what trust did not write is not written"
    path = watched.certs / "kind-control-plane:30443/airgap-ca.crt"
    path.parent.mkdir(parents=True)
    path.write_bytes(watched.secret["ca.crt"])
    watched()
    assert path.read_bytes() == watched.secret["ca.crt"]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_where_docker_cannot_be_told_the_line_to_run_is(watched: Watched) -> None:
    path = watched.certs / "kind-control-plane:30443/airgap-ca.crt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"old")
    path.with_suffix(".new").mkdir()  # root itself cannot write there
    before = watched.secret["ca.crt"]
    watched()
    watched.is_done(before)
    assert "sudo airgap trust --cluster-name kind" in watched.run.told.warnings[-1]


def test_a_cluster_that_rests_is_started_first(watched: Watched) -> None:
    watched.run.host.engine.stop("kind-worker", State.STOPPED)
    with pytest.raises(ClusterError, match="does not run: kind-worker") as caught:
        watched()
    assert "airgap up" in caught.value.hint


def test_a_cluster_without_a_registry(run: Run) -> None:
    run.host.kube_of("kind").delete("Namespace", "registry")
    with pytest.raises(ClusterError, match="no registry of airgap's"):
        renew(Site.find(run.host.engine, "kind", run.host.tools), run.told)


def test_a_registry_of_a_release_before_gets_its_doors_first(run: Run) -> None:
    as_before(run)
    watched = Watched(run)
    before = watched.secret["ca.crt"]
    watched()
    watched.is_done(before)


@pytest.mark.parametrize(
    ("days", "words"),
    [(61, None), (59, "ends in 59 days"), (1, "ends in 1 day"), (-2, "has expired")],
)
def test_status_warns_from_sixty_days_on(
    run: Run, monkeypatch: pytest.MonkeyPatch, days: int, words: str | None
) -> None:
    end = datetime.now(UTC) + timedelta(days=days, hours=1)
    monkeypatch.setattr("airgap.upkeep.status.expiry", lambda _: end)
    problems = look(Site.find(run.host.engine, "kind", run.host.tools)).problems
    wanted = [f"the registry's certificate {words}: airgap renew --cluster-name kind"]
    assert problems == (wanted if words else [])


def test_the_key_is_told_nowhere(watched: Watched) -> None:
    watched()
    key = watched.secret["tls.key"]
    told = json.dumps([watched.run.told.notes, watched.run.told.warnings, watched.kube.calls])
    assert base64.b64encode(key).decode() not in told
    assert key.decode() not in told
    for node in watched.run.host.engine.found["kind"]:
        assert not any(key in content for content in node.machine.files.values())
    files = (path for path in watched.run.folder.rglob("*") if path.is_file())
    assert not any(key in path.read_bytes() for path in files)
