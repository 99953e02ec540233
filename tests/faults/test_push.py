"""Faults on the way into a registry: push survives them, or says what to do."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from tests.faults.conftest import MIB, Bench
from tests.support.images import Maker
from tests.support.proxy import Fault, Proxy, Request, Rule, proxy
from tests.support.registries import KINDS, registry


@pytest.fixture
def packed(bench: Bench) -> Bench:
    assert bench.pack().code == 0
    return bench


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path, packed: Bench):  # type: ignore[no-untyped-def]
    """An empty registry behind a proxy of its own."""
    with registry(request.param, tmp_path / "target") as found, proxy(found.address) as before:
        packed.registry, packed.proxy = found, before
        yield packed


def uploads(times: int, fault: Fault, method: str = "PUT") -> Rule:
    """Let the first uploads of the large blob go wrong."""
    seen: list[Request] = []

    def rule(request: Request) -> Fault | None:
        length = int(request.headers.get("Content-Length") or 0)
        fits = request.method == method and "/uploads/" in request.path
        if method == "PUT":
            fits = fits and length > 10 * MIB
        if not fits or len(seen) >= times:
            return None
        seen.append(request)
        return fault

    return rule


def check_landed(bench: Bench) -> None:
    """All is there, and another push has nothing to do."""
    bench.proxy.rule = lambda _: None
    ended = bench.push()
    assert ended.code == 0, ended.err
    assert "0 blobs uploaded" in ended.out


@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
@pytest.mark.parametrize("cut", [0, 1, 6 * MIB, 12 * MIB])
def test_a_broken_upload_begins_anew(target: Bench, cut: int, reset: bool) -> None:
    target.proxy.rule = uploads(1, Fault(cut_upload=cut, reset=reset))
    ended = target.push()
    assert ended.code == 0, ended.err
    check_landed(target)


def test_a_reply_that_is_lost_after_the_blob_was_stored(target: Bench) -> None:
    target.proxy.rule = uploads(1, Fault(drop_reply=True))
    ended = target.push()
    assert ended.code == 0, ended.err
    assert target.proxy.count("PUT", str(target.big.digest).replace(":", "%3A")) == 1
    check_landed(target)


@pytest.mark.parametrize("status", [404, 416, 500, 503])
def test_a_session_that_is_lost(target: Bench, status: int) -> None:
    target.proxy.rule = uploads(1, Fault(status=status))
    ended = target.push()
    assert ended.code == 0, ended.err
    check_landed(target)


def test_a_relative_location(target: Bench) -> None:
    target.registry.stop()
    target.registry.settings = {"http": {"relativeurls": True}}
    target.registry.start()
    ended = target.push()
    assert ended.code == 0, ended.err
    check_landed(target)


def test_a_location_elsewhere_gets_nothing(target: Bench) -> None:
    thief = Proxy(target.registry.address)
    away = {"Location": f"http://{thief.address}/v2/x/blobs/uploads/1"}
    target.proxy.rule = uploads(99, Fault(status=202, headers=away), "POST")
    ended = target.push()
    assert ended.code == 4, ended.err
    assert "wants the upload at" in ended.errors[0]
    assert ended.hints
    assert thief.requests == []
    thief.close()
    check_pushes(target)


def test_a_location_that_is_missing(target: Bench) -> None:
    target.proxy.rule = uploads(99, Fault(status=202), "POST")
    ended = target.push()
    assert ended.code == 5
    assert "without saying where" in ended.err
    check_pushes(target)


def check_pushes(bench: Bench) -> None:
    bench.proxy.rule = lambda _: None
    assert bench.push().code == 0
    check_landed(bench)


def test_a_registry_that_is_full(target: Bench) -> None:
    body = b'{"errors":[{"code":"UNKNOWN","detail":"write: no space left on device"}]}'
    target.proxy.rule = uploads(99, Fault(status=500, body=body))
    ended = target.push()
    assert ended.code == 6, ended.err
    assert "has no space left" in ended.errors[0]
    assert str(target.big.size) in ended.errors[0]
    assert "make room" in ended.hints[0]
    check_pushes(target)


def test_a_registry_that_is_killed_and_comes_back(target: Bench) -> None:
    """Its upload sessions are gone, also because its secret is another."""
    done = []

    def rule(request: Request) -> Fault | None:
        if request.method == "PUT" and "/uploads/" in request.path and not done:
            done.append(request)
            target.registry.stop(kill=True)
            target.registry.settings = {"http": {"secret": "another"}}
            target.registry.start()
        return None

    target.proxy.rule = rule
    ended = target.push()
    assert ended.code == 0, ended.err
    assert done
    check_landed(target)


def test_no_tag_is_written_while_something_is_missing(target: Bench) -> None:
    target.proxy.rule = uploads(99, Fault(drop=True))
    ended = target.push()
    assert ended.code == 5
    assert len(ended.errors) == 1
    tags = [r for r in target.proxy.requests if r.method == "PUT" and "nginx/manifests" in r.path]
    assert tags == []
    assert "busybox:1.36 is there" in ended.err, "the other image landed"
    check_pushes(target)


def test_manifests_come_after_blobs_and_tags_last(target: Bench) -> None:
    assert target.push().code == 0
    puts = [r.path for r in target.proxy.requests if r.method == "PUT"]
    kinds = [
        "blob" if "/uploads/" in path else "digest" if "sha256:" in path else "tag" for path in puts
    ]
    order = [kind for n, kind in enumerate(kinds) if n == 0 or kinds[n - 1] != kind]
    assert order == ["blob", "tag"]


def test_children_come_before_the_index_that_names_them(target: Bench, tmp_path: Path) -> None:
    maker = Maker(tmp_path / "layout")
    maker.index("quay.io/org/app:1", amd64=maker.image(b"a"), arm64=maker.image(b"b"))
    layout = maker.layout()
    with RegistryTarget(target.proxy.address, Options()) as registry_target:
        push(layout.images, layout, registry_target, Silent()).check()
    puts = [r.path.rpartition("/")[2] for r in target.proxy.requests if r.method == "PUT"]
    assert puts[-1] == "1"
    assert sorted(puts[-3:-1]) == sorted(str(m.digest) for m in layout.images[0].manifests[:2])


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_registry_that_refuses_to_mount_gets_the_blob(target: Bench, status: int) -> None:
    target.proxy.rule = lambda r: Fault(status=status) if "mount=" in r.path else None
    ended = target.push()
    assert ended.code == 0, ended.err
    target.proxy.rule = lambda _: None
    assert "0 blobs uploaded" in target.push().out


def test_a_blob_that_the_registry_lost_is_not_told_as_an_index(target: Bench) -> None:
    body = b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}'
    target.proxy.rule = lambda r: (
        Fault(status=404, body=body) if r.method == "PUT" and "nginx/manifests" in r.path else None
    )
    ended = target.push()
    assert ended.code == 3
    assert "blob unknown to registry" in ended.errors[0]
    assert "index" not in ended.errors[0]
    check_pushes(target)


def test_full_names_alone_unless_short_ones_are_asked_for(target: Bench) -> None:
    assert target.push().code == 0
    assert {r.path for r in target.proxy.requests if r.path.startswith("/v2/nginx")} == set()
    assert target.push("--short-names").code == 0
    assert target.proxy.count("PUT", "/v2/nginx/manifests/1.27") == 1


def test_an_altered_bundle_tags_nothing(target: Bench) -> None:
    """The last bytes of a wrong blob are never sent, so no registry can take it."""
    data = bytearray(target.bundle.read_bytes())
    data[20 * 512 + 4 * MIB] ^= 1
    target.bundle.write_bytes(bytes(data))
    ended = target.push()
    assert ended.code == 3, ended.err
    assert len(ended.errors) == 1
    tags = [r for r in target.proxy.requests if r.method == "PUT" and r.path.endswith("/1.27")]
    assert tags == []


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_time(packed: Bench, kind: str, tmp_path: Path) -> None:
    """SIGKILL at 50 random moments each: the next run finishes, and one more has nothing to do.

    Each goes to a prefix of its own, where nothing is yet.
    """
    airgap = Path(sys.executable).with_name("airgap")
    chance = random.Random(kind)
    killed = 0
    with registry(kind, tmp_path / "target") as found:
        begun = time.monotonic()
        subprocess.run([airgap, "push", packed.bundle, f"{found.address}/whole", "-q"], check=True)
        whole = time.monotonic() - begun  # a faster machine is killed earlier
        for number in range(50):
            where = f"{found.address}/n{number}"
            process = subprocess.Popen([airgap, "push", packed.bundle, where, "-q"])
            moment = chance.uniform(0.3, 0.95) * whole
            time.sleep(moment)
            process.kill()
            if process.wait() == -9:
                killed += 1
            else:
                whole = moment  # it had ended by then: what was measured was slower
            ended = packed.run("push", packed.bundle, where)
            assert ended.code == 0, ended.err
            again = packed.run("push", packed.bundle, where)
            assert "0 blobs uploaded" in again.out
    assert killed > 25
