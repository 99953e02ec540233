"""Faults on the way from a registry: pack survives them, or says what to do."""

import time
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.registry import RegistrySource
from tests.faults.conftest import MIB, Bench
from tests.support.proxy import Fault, Request, Rule
from tests.support.registries import registry

NGINX = Reference.parse("nginx:1.27")


def first(times: int, fault: Fault, method: str = "GET", part: str = "/blobs/") -> Rule:
    """Let the first requests for each such path go wrong."""

    def rule(request: Request) -> Fault | None:
        fits = request.method == method and part in request.path
        return fault if fits and request.number <= times else None

    return rule


def always(fault: Fault, part: str = "/blobs/") -> Rule:
    return lambda request: fault if part in request.path else None


def on_big(bench: Bench, fault: Fault, times: int = 1) -> Rule:
    return first(times, fault, part=str(bench.big.digest))


@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
@pytest.mark.parametrize("cut", [0, 1, 6 * MIB, 12 * MIB - 1])
def test_a_broken_blob_goes_on_where_it_broke(bench: Bench, cut: int, reset: bool) -> None:
    bench.proxy.rule = on_big(bench, Fault(cut=cut, reset=reset))
    ended = bench.pack()
    assert ended.code == 0, ended.err
    again = [r for r in bench.proxy.requests if str(bench.big.digest) in r.path]
    assert len(again) == 2
    total = sum(
        b.size for b in {b.digest: b for i in bench.layout.images for b in i.blobs}.values()
    )
    if not reset:  # RST may throw away what was sent but not read
        if cut:
            assert again[1].headers["Range"] == f"bytes={cut}-"
        assert bench.proxy.sent < total + 8 * MIB / 16
    bench.bundle.unlink()
    bench.check_packs()


def test_a_registry_that_ignores_ranges_is_read_from_the_start(bench: Bench) -> None:
    big = str(bench.big.digest)

    def rule(request: Request) -> Fault | None:
        if big not in request.path:
            return None
        return Fault(cut=5 * MIB) if request.number == 1 else Fault(whole=True)

    bench.proxy.rule = rule
    ended = bench.pack()
    assert ended.code == 0, ended.err
    bench.bundle.unlink()
    bench.check_packs()


def test_a_partial_blob_survives_the_run(bench: Bench) -> None:
    bench.proxy.rule = on_big(bench, Fault(cut=9 * MIB), times=1)
    stop = Fault(status=404)
    cut = bench.proxy.rule
    bench.proxy.rule = lambda r: cut(r) or (stop if str(bench.big.digest) in r.path else None)
    ended = bench.pack()
    bench.check_failed(ended, 3)
    before = bench.proxy.sent
    bench.proxy.rule = lambda _: None
    assert bench.pack().code == 0
    assert bench.proxy.sent - before < 3 * MIB + 64 * 1024
    assert bench.proxy.requests[-1].headers["Range"] == f"bytes={9 * MIB}-"


def test_a_complete_partial_asks_for_no_blob(bench: Bench) -> None:
    bench.list.write_text("nginx:1.27\nbusybox:1.36\ngone:1\n")
    bench.check_failed(bench.pack(), 3)
    count = bench.proxy.count("GET", "/blobs/")
    bench.list.write_text("nginx:1.27\nbusybox:1.36\n")
    assert bench.pack().code == 0
    # The configs that tell the platform may be read again, no layer is.
    assert bench.proxy.count("GET", "/blobs/") - count <= 2


def test_a_corrupt_partial_is_fetched_again_once(bench: Bench) -> None:
    bench.list.write_text("nginx:1.27\nbusybox:1.36\ngone:1\n")
    bench.check_failed(bench.pack(), 3)
    partial = bench.bundle.with_name("b.tar.partial")
    with partial.open("r+b") as file:
        file.seek(8 * MIB)
        file.write(b"corrupt")
    bench.list.write_text("nginx:1.27\nbusybox:1.36\n")
    before = bench.proxy.count("GET", str(bench.big.digest))
    assert bench.pack().code == 0
    assert bench.proxy.count("GET", str(bench.big.digest)) == before + 1


def test_bytes_that_are_always_wrong(bench: Bench) -> None:
    bench.proxy.rule = on_big(bench, Fault(flip=MIB), times=99)
    ended = bench.pack()
    bench.check_failed(ended, 5)
    assert f"expected {bench.big.digest}, got sha256:" in ended.errors[0]
    assert bench.proxy.count("GET", str(bench.big.digest)) == 2
    bench.check_packs()


@pytest.mark.parametrize("status", [408, 425, 429, 499, 500, 502, 503, 504, 522])
def test_statuses_that_pass_are_tried_again(bench: Bench, status: int) -> None:
    bench.proxy.rule = first(2, Fault(status=status, body=b"later"), part="/docker.io/")
    ended = bench.pack()
    assert ended.code == 0, ended.err
    assert f"answered {status}" in ended.err, "each retry is told with -v"


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410])
def test_statuses_that_stay_are_not_tried_again(bench: Bench, status: int) -> None:
    bench.proxy.rule = always(Fault(status=status), part="nginx/manifests")
    ended = bench.pack()
    bench.check_failed(ended, 3)
    assert bench.proxy.count("GET", "nginx/manifests") == 1
    if status == 404:
        assert "nginx:1.27 does not exist" in ended.errors[0]
    if status == 403:
        assert "docker login" in ended.hints[0]
    bench.check_packs()


@pytest.mark.parametrize(
    "fault",
    [Fault(status=500), Fault(drop=True), Fault(drop=True, reset=True), Fault(cut=0)],
    ids=["500", "EOF", "RST", "cut"],
)
def test_a_failure_without_end(bench: Bench, fault: Fault) -> None:
    """Other images are packed all the same, and the next run fetches only what is missing."""
    bench.proxy.rule = on_big(bench, fault, times=999)
    ended = bench.pack()
    bench.check_failed(ended, 5)
    assert "nginx:1.27" in ended.err
    assert "run the same command again" in ended.hints[0]
    assert bench.proxy.count("GET", str(bench.big.digest)) <= 12
    count = len(bench.proxy.requests)
    bench.proxy.rule = lambda _: None
    assert bench.pack().code == 0
    layers = [r for r in bench.proxy.requests[count:] if "/blobs/" in r.path]
    assert sum(str(bench.big.digest) in r.path for r in layers) == 1
    assert len(layers) <= 3  # that one, and the config, for which both images may have asked


def test_a_host_that_is_not_there(bench: Bench) -> None:
    bench.proxy.close()
    ended = bench.pack()
    bench.check_failed(ended, 5)
    assert "no answer" in ended.err


def source(bench: Bench, **options: object) -> RegistrySource:
    mirrors = {"docker.io": f"http://{bench.proxy.address}/docker.io"}
    return RegistrySource(Options(mirrors=mirrors, tries=2, **options))  # type: ignore[arg-type]


def test_a_blob_without_length_is_read(bench: Bench) -> None:
    bench.proxy.rule = on_big(bench, Fault(chunked=True), times=9)
    assert bench.pack().code == 0


def test_the_raw_bytes_are_what_counts(bench: Bench) -> None:
    """No encoding is asked for, and what claims one is not decoded."""
    bench.proxy.rule = on_big(bench, Fault(add={"Content-Encoding": "gzip"}), times=9)
    assert bench.pack().code == 0
    asked = {r.headers.get("Accept-Encoding") for r in bench.proxy.requests}
    assert asked == {"identity"}


def test_the_body_wins_over_the_digest_header(bench: Bench) -> None:
    wrong = {"Docker-Content-Digest": "sha256:" + "0" * 64}
    bench.proxy.rule = always(Fault(add=dict(wrong)), part="nginx/manifests")
    bench.check_failed(bench.pack(), 3)
    bench.proxy.rule = always(Fault(add={"Docker-Content-Digest": None}), part="manifests")
    assert bench.pack().code == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=200, body=b" " * (4 * MIB + 1)),
        Fault(status=200, endless=True),
        Fault(status=200, body=b"{}", headers={"X": "y" * 200_000}),
        Fault(status=404, endless=True),
    ],
    ids=["4 MiB + 1", "endless", "header", "endless error"],
)
def test_what_is_too_large_is_not_read(bench: Bench, fault: Fault) -> None:
    bench.proxy.rule = always(fault, part="nginx/manifests")
    begun = time.monotonic()
    ended = bench.pack()
    assert ended.code in (3, 5)
    assert (
        len(ended.errors) == len(ended.hints) == 1 or "larger" in ended.err or "more" in ended.err
    )
    assert time.monotonic() - begun < 20
    assert not bench.bundle.exists()


def test_a_certificate_that_does_not_hold_is_not_tried_again(bench: Bench, tmp_path: Path) -> None:
    with registry("docker-registry", tmp_path / "tls", tls=True) as found:
        bench.list.write_text(f"{found.address}/x:1\n")
        ended = bench.run("pack", bench.list, "-o", bench.bundle, "--images-only", "-v")
        bench.check_failed(ended, 4)
        assert "its certificate is not valid" in ended.errors[0]
        assert "--ca FILE" in ended.hints[0]
        assert "try 2" not in ended.err
        warned = bench.run(
            "pack", bench.list, "-o", bench.bundle, "--images-only", "--insecure-registry",
            found.address,
        )  # fmt: skip
        assert "x:1 does not exist" in warned.err
        assert f"warning: {found.address} is used without verified TLS" in warned.err
        ok = bench.run(
            "pack", bench.list, "-o", bench.bundle, "--images-only", "--ca", tmp_path / "tls/ca.crt"
        )
        assert "x:1 does not exist" in ok.err
        wrong = tmp_path / "wrong.pem"
        wrong.write_text("x")
        bad = bench.run("pack", bench.list, "-o", bench.bundle, "--images-only", "--ca", wrong)
        bench.check_failed(bad, 3)


def test_proxies_are_honoured_and_netrc_is_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The proxy of the environment gets the request for a host that is not this one."""
    (tmp_path / ".netrc").write_text("machine registry.test login lab password canary\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", f"http://{bench.proxy.address}")
    seen: list[Request] = []

    def rule(request: Request) -> Fault:
        seen.append(request)
        return Fault(status=404)

    bench.proxy.rule = rule
    bench.list.write_text("registry.test/x:1\n")
    ended = bench.run(
        "pack", bench.list, "-o", bench.bundle, "--images-only", "--registry-mirror",
        "registry.test=http://registry.test",
    )  # fmt: skip
    bench.check_failed(ended, 3)
    assert seen
    assert seen[0].path.startswith("http://registry.test/v2/x/")
    assert all("Authorization" not in request.headers for request in seen)
    monkeypatch.setenv("no_proxy", ".test")
    count = len(seen)
    assert bench.run(
        "pack", bench.list, "-o", bench.bundle, "--images-only", "--registry-mirror",
        "registry.test=http://registry.test",
    ).code == 5  # fmt: skip
    assert len(seen) == count


def test_wrong_manifests_are_refused(bench: Bench) -> None:
    for body, why in (
        (b'{"schemaVersion": 1}', "schema 1"),
        (b'{"schemaVersion": 2, "manifests": [], "layers": []}', "both a manifest and an index"),
        (b'{"a": 1, "a": 2}', "duplicate key"),
        (b"<html>", "a page for browsers came"),
    ):
        bench.proxy.rule = always(Fault(status=200, body=body), part="nginx/manifests")
        ended = bench.pack()
        assert ended.code == 3
        assert why in ended.err
        assert not bench.bundle.exists()


def test_a_digest_that_is_not_what_comes(bench: Bench) -> None:
    with source(bench) as found, pytest.raises(InputError, match="not sha256:0000"):
        bench.proxy.rule = always(
            Fault(status=200, body=b'{"schemaVersion": 2}'), part="/manifests/sha256"
        )
        found.resolve(Reference.parse("nginx@sha256:" + "0" * 64))


def test_silent_progress_is_enough(bench: Bench) -> None:
    with RegistrySource(
        Options(mirrors={"docker.io": bench.proxy.address + "/docker.io"}), Silent()
    ) as s:
        assert s.resolve(NGINX)[0].digest == bench.layout.images[0].root.digest
