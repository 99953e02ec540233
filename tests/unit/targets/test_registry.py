"""A registry as a target: refusals of the field, each where another way is open."""

from pathlib import Path

import pytest

from airgap.errors import NetworkError
from airgap.registry.options import Options
from airgap.sources.layout import Layout
from airgap.targets.registry import RegistryTarget
from tests.support.clock import FakeClock
from tests.support.images import Maker
from tests.support.pushing import failed, put, tags, wanted
from tests.support.registry import Fault, MemoryRegistry, Request, error, on, quirks
from tests.support.registry.doors import Tokens
from tests.support.serving import Answer

MIB = 1 << 20


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422, 500, 501, 502, 503])
def test_a_mount_that_is_refused_is_a_plain_upload(
    registry: MemoryRegistry, layout: Layout, status: int
) -> None:
    registry.rule = on(error(status, "UNSUPPORTED"), method="POST", part="mount=")
    report = put(layout, registry)
    assert report.failed == []
    assert tags(registry) == wanted(layout)
    assert registry.count("POST", "mount=") == 5, "a refusal to mount is not asked for again"


def test_what_the_plain_upload_says_counts(registry: MemoryRegistry, layout: Layout) -> None:
    registry.rules += [
        on(error(405, "UNSUPPORTED"), method="POST", part="mount="),
        on(error(403, "DENIED", "quota exceeded"), method="POST"),
    ]
    report = put(layout, registry)
    assert len(report.failed) == 2
    assert "read-only" not in report.failed[0].error.message


def test_a_filter_that_hangs_up_at_a_mount(registry: MemoryRegistry, layout: Layout) -> None:
    registry.rule = on(Fault(drop=True), method="POST", part="mount=")
    clock = FakeClock()
    assert put(layout, registry, clock=clock).failed == []
    assert tags(registry) == wanted(layout)
    assert len(clock.waits) == 5 * 2
    # The wire asks once more where a connection that had rested is closed.
    assert registry.count("POST", "mount=") <= 5 * 2 * 2


def test_a_registry_that_is_gone_for_a_while_is_waited_for(
    registry: MemoryRegistry, layout: Layout
) -> None:
    """A mount that nobody answers costs no patience."""
    registry.rule = on(Fault(drop=True), method="POST", times=4)
    clock = FakeClock()
    assert put(layout, registry, clock=clock, connections=1).failed == []
    assert tags(registry) == wanted(layout)


def test_a_registry_that_goes_away_costs_the_tries_of_one_blob(
    registry: MemoryRegistry, layout: Layout
) -> None:
    registry.rule = on(Fault(drop=True), method="POST")
    clock = FakeClock()
    assert len(put(layout, registry, clock=clock, connections=1).failed) == 2
    assert registry.count("POST") <= 2 * 6 * 2
    assert 10 < sum(clock.waits) <= 60


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_a_token_server_that_gives_none_for_two(
    registry: MemoryRegistry, layout: Layout, status: int
) -> None:
    registry.door = Tokens(registry)
    give = registry.pages["/token"]

    def one_each(request: Request, body: bytes) -> Answer:
        several = request.path.count("scope=") > 1
        return Answer(status, {}, b"{}") if several else give(request, body)

    registry.pages["/token"] = one_each
    assert put(layout, registry).failed == []
    assert tags(registry) == wanted(layout)


@pytest.mark.parametrize("status", [500, 501, 502])
def test_a_head_that_breaks_where_a_get_does_not(
    registry: MemoryRegistry, layout: Layout, status: int
) -> None:
    clock = FakeClock()
    registry.rule = on(error(status, "UNKNOWN"), method="HEAD")
    assert put(layout, registry, clock=clock).failed == []
    assert tags(registry) == wanted(layout)
    assert clock.waits == []


@pytest.mark.parametrize("status", [400, 401, 403, 405, 410, 501])
@pytest.mark.parametrize("methods", ["HEAD", "HEAD|GET"])
def test_a_registry_that_does_not_tell_what_is_there(
    registry: MemoryRegistry, layout: Layout, status: int, methods: str
) -> None:
    """Neither before the push nor after it: the PUT decides."""
    registry.rule = on(error(status, "UNSUPPORTED"), method=methods, part="/manifests/")
    report = put(layout, registry)
    assert report.failed == []
    assert tags(registry) == wanted(layout)


def test_a_get_tells_where_a_head_does_not(registry: MemoryRegistry, layout: Layout) -> None:
    put(layout, registry)
    registry.rule = on(error(405, "UNSUPPORTED"), method="HEAD")
    report = put(layout, registry)
    assert (report.complete, report.tags) == (2, [])


def test_a_head_that_says_there_is_nothing(registry: MemoryRegistry, layout: Layout) -> None:
    registry.rule = on(error(404, "MANIFEST_UNKNOWN"), method="HEAD")
    report = put(layout, registry)
    assert report.failed == []
    assert tags(registry) == wanted(layout)


@pytest.mark.parametrize("wrong", ["absent", "older"])
def test_a_tag_that_is_not_readable_at_once(
    registry: MemoryRegistry, layout: Layout, wrong: str
) -> None:
    fault = error(404, "MANIFEST_UNKNOWN")
    if wrong == "older":
        said = {"Docker-Content-Digest": "sha256:" + "0" * 64}
        fault = Fault(status=200, headers=said, body=b"{}")
    app = "quay.io/org/app"
    registry.rule = on(fault, method="HEAD|GET", repository=app, after=1, times=3)
    clock = FakeClock()
    assert put(layout, registry, clock=clock).failed == []
    assert clock.waits == [0.5, 1.0, 2.0]


def test_a_tag_that_never_becomes_readable(registry: MemoryRegistry, layout: Layout) -> None:
    gone = error(404, "MANIFEST_UNKNOWN")
    registry.rule = on(gone, method="HEAD|GET", repository="quay.io/org/app")
    clock = FakeClock()
    report = put(layout, registry, clock=clock)
    assert failed(report) == ["quay.io/org/app:1"]
    assert report.failed[0].error.exit_code == 5
    assert "still is not there after 12 s" in report.failed[0].error.message
    assert 5 < sum(clock.waits) < 20


def limited(most: int, *, early: bool = False):  # type: ignore[no-untyped-def]
    """A proxy before the registry that lets no larger request through."""
    fault = Fault(status=413, body=b"<html>413 Request Entity Too Large</html>", early=early)

    def rule(request: Request) -> Fault | None:
        return fault if request.length > most else None

    return rule


@pytest.mark.parametrize("most", [100 * MIB // 10, 2 * MIB, MIB])
def test_a_limit_on_the_way_leads_to_chunks(
    registry: MemoryRegistry, tmp_path: Path, most: int
) -> None:
    maker = Maker(tmp_path / "large")
    for number in range(3):
        maker.image(maker.bytes(11 * MIB + number), name=f"quay.io/org/large{number}:1")
    layout = maker.layout()
    registry.rule = limited(most)
    report = put(layout, registry, connections=1)
    assert report.failed == []
    assert tags(registry) == wanted(layout)
    assert max(r.length for r in registry.requests if r.method == "PATCH") <= max(most, 8 * MIB)
    refused = [r for r in registry.requests if r.length > most]
    assert len(refused) <= 2, "what was learnt holds for all blobs"


def test_a_limit_that_is_below_every_chunk_is_told(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    maker = Maker(tmp_path / "large")
    maker.image(maker.bytes(2 * MIB), name="quay.io/org/large:1")
    registry.rule = limited(1000)
    report = put(maker.layout(), registry)
    assert failed(report) == ["quay.io/org/large:1"]
    assert "413" in report.failed[0].error.message


def test_a_limit_that_answers_before_it_has_read(registry: MemoryRegistry, tmp_path: Path) -> None:
    maker = Maker(tmp_path / "large")
    maker.image(maker.bytes(20 * MIB), name="quay.io/org/large:1")
    layout = maker.layout()
    registry.rule = limited(9 * MIB, early=True)
    assert put(layout, registry).failed == []
    assert tags(registry) == wanted(layout)


def test_a_registry_that_takes_blobs_by_patch_alone(
    registry: MemoryRegistry, layout: Layout
) -> None:
    quirks.wants_patch(registry)
    assert put(layout, registry, connections=1).failed == []
    assert tags(registry) == wanted(layout)
    refused = [r for r in registry.requests if r.method == "PUT" and r.length and "blobs" in r.path]
    assert len(refused) == 1, "what was learnt holds for all blobs"


def test_the_first_refusal_counts_where_chunks_are_refused_too(
    registry: MemoryRegistry, layout: Layout
) -> None:
    registry.rules += [
        on(error(400, "QUOTA", "the quota is used up"), method="PUT", part="/blobs/"),
        on(error(405, "UNSUPPORTED", "no PATCH here"), method="PATCH"),
    ]
    report = put(layout, registry)
    assert len(report.failed) == 2
    assert "the quota is used up" in report.failed[0].error.message


def test_a_chunk_size_that_was_asked_for(registry: MemoryRegistry, tmp_path: Path) -> None:
    maker = Maker(tmp_path / "large")
    maker.image(maker.bytes(5 * MIB + 3), name="quay.io/org/large:1")
    layout = maker.layout()
    assert put(layout, registry, chunk_size=2 * MIB).failed == []
    assert tags(registry) == wanted(layout)
    sent = [r for r in registry.requests if r.method == "PATCH"]
    assert [r.headers["Content-Range"] for r in sent] == [
        f"0-{2 * MIB - 1}", f"{2 * MIB}-{4 * MIB - 1}", f"{4 * MIB}-{5 * MIB + 2}",
    ]  # fmt: skip


@pytest.mark.parametrize("status", [404, 416, 500])
def test_a_chunk_that_is_lost_begins_the_blob_anew(
    registry: MemoryRegistry, tmp_path: Path, status: int
) -> None:
    maker = Maker(tmp_path / "large")
    maker.image(maker.bytes(3 * MIB), name="quay.io/org/large:1")
    layout = maker.layout()
    registry.rule = on(error(status, "UNKNOWN"), method="PATCH", after=1, times=1)
    assert put(layout, registry, chunk_size=MIB).failed == []
    assert tags(registry) == wanted(layout)


@pytest.mark.parametrize("chunk_size", [0, 1000])
@pytest.mark.parametrize("part", ["uploads", "manifests"])
def test_a_registry_that_says_how_long_to_wait(
    registry: MemoryRegistry, layout: Layout, part: str, chunk_size: int
) -> None:
    clock, later = FakeClock(), error(429, "TOOMANYREQUESTS", **{"Retry-After": "90"})
    registry.rule = on(later, method="PUT|PATCH", part=part, times=2)
    assert put(layout, registry, clock=clock, connections=1, chunk_size=chunk_size).failed == []
    assert clock.waits == [90, 90]
    assert tags(registry) == wanted(layout)


def test_a_wait_that_is_too_long_is_told(registry: MemoryRegistry, layout: Layout) -> None:
    clock, later = FakeClock(), error(429, "TOOMANYREQUESTS", **{"Retry-After": "90"})
    registry.rule = on(later, method="PUT", part="uploads")
    report = put(layout, registry, clock=clock, connections=1, max_wait=80)
    assert len(report.failed) == 2
    assert clock.waits == []
    assert "--max-wait 90" in report.failed[0].error.hint


@pytest.mark.parametrize("status", [404, 416])
@pytest.mark.parametrize(("method", "chunk_size"), [("PUT", 0), ("PATCH", 1000), ("PUT", 1000)])
def test_an_upload_that_is_always_lost_is_begun_twice(
    registry: MemoryRegistry, tmp_path: Path, status: int, method: str, chunk_size: int
) -> None:
    maker = Maker(tmp_path / "one")
    maker.image(maker.bytes(3000), name="quay.io/org/one:1")
    registry.rule = on(error(status, "BLOB_UPLOAD_UNKNOWN"), method=method, part="uploads")
    report = put(maker.layout(), registry, chunk_size=chunk_size)
    assert failed(report) == ["quay.io/org/one:1"]
    assert "lost the upload" in report.failed[0].error.message
    assert "http.secret" in report.failed[0].error.hint
    sent = [r for r in registry.requests if r.method == method and "uploads" in r.path]
    assert len(sent) <= 2 * 2, "two sessions for each of two blobs at the most"


@pytest.mark.parametrize(
    ("least", "lengths"),
    [
        ("", [1000, 1000, 500]),
        ("900", [1000, 1000, 500]),
        ("2000", [2000, 500]),
        ("9000", [2500]),
        ("-1", [1000, 1000, 500]),
        ("9" * 30, [1000, 1000, 500]),
    ],
)
def test_chunks_are_no_smaller_than_the_registry_takes(
    registry: MemoryRegistry, tmp_path: Path, least: str, lengths: list[int]
) -> None:
    maker = Maker(tmp_path / "one")
    maker.image(maker.bytes(2500), name="quay.io/org/one:1")
    layout = maker.layout()
    registry.rule = on(Fault(add={"OCI-Chunk-Min-Length": least}), method="POST")
    assert put(layout, registry, chunk_size=1000).failed == []
    sent = [r.length for r in registry.requests if r.method == "PATCH"]
    assert sent == lengths
    assert tags(registry) == wanted(layout)


@pytest.mark.parametrize("lost", [Fault(drop_reply=True), error(504, "TIMEOUT")])
def test_a_manifest_whose_answers_are_lost_is_read_back(
    registry: MemoryRegistry, layout: Layout, lost: Fault
) -> None:
    part, here = "quay.io/org/app/manifests", registry.content
    if lost.status:  # the registry did store it, and who stands before it gave up waiting
        assert put(layout, registry).failed == []
        here.repositories["quay.io/org/app"].tags.clear()

    def rule(request: Request) -> Fault | None:
        if request.method != "PUT" or part not in request.path:
            return None
        if lost.status:
            image = next(i for i in layout.images if i.reference.familiar == "quay.io/org/app:1")
            here.repositories["quay.io/org/app"].tags["1"] = str(image.root.digest)
        return lost

    registry.rule = rule
    assert put(layout, registry).failed == []
    assert tags(registry) == wanted(layout)


def test_a_manifest_that_did_not_get_through_is_asked_for_once(
    registry: MemoryRegistry, layout: Layout
) -> None:
    registry.rule = on(error(504, "TIMEOUT"), method="PUT", part="quay.io/org/app/manifests")
    assert failed(put(layout, registry)) == ["quay.io/org/app:1"]
    assert registry.count("GET", "quay.io/org/app/manifests") == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_manifest_that_cannot_be_stored_names_its_image(
    registry: MemoryRegistry, layout: Layout, status: int
) -> None:
    fault = error(status, "UNKNOWN", "foreign layers are not taken")
    registry.rule = on(fault, method="PUT", repository="quay.io/org/app", part="manifests")
    report = put(layout, registry)
    assert failed(report) == ["quay.io/org/app:1"]
    with pytest.raises(NetworkError, match=r"quay\.io/org/app:1: ") as caught:
        report.check()
    assert "foreign layers are not taken" in str(caught.value)
    assert "run the same command again" not in caught.value.hint


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("status", [500, 503])
def test_a_sick_registry_is_asked_as_often_as_one_request_may(
    registry: MemoryRegistry, layout: Layout, method: str, status: int
) -> None:
    """Whatever the number of images, and however many requests a blob takes."""
    registry.rule = on(error(status, "UNKNOWN"), method=method)
    clock = FakeClock()
    report = put(layout, registry, clock=clock)
    assert len(report.failed) == 2
    assert len(registry.requests) <= 2 * (1 + 2 * 6)
    assert sum(clock.waits) <= 2 * 31


def test_another_way_for_one_blob_is_none_for_all(registry: MemoryRegistry, layout: Layout) -> None:
    """One repository refuses every PUT; the others go on with one request a blob."""
    refused = error(400, "IMMUTABLE", "it may not be changed")
    registry.rule = on(refused, method="PUT|PATCH", repository="docker.io/library/nginx")
    report = put(layout, registry, connections=1)
    assert failed(report) == ["nginx:1.27"]
    assert tags(registry) == wanted(layout, "nginx:1.27")
    assert {r.repository for r in registry.requests if r.method == "PATCH"} == {
        "docker.io/library/nginx"
    }


@pytest.mark.parametrize("habit", ["harbor", "ecr", "artifactory"])
def test_what_has_to_be_made_before_is_named(
    registry: MemoryRegistry, layout: Layout, habit: str
) -> None:
    if habit == "ecr":
        quirks.ecr(registry, "quay.io/org/app")
    else:
        getattr(quirks, habit)(registry, "quay.io")
    report = put(layout, registry)
    assert failed(report) == ["nginx:1.27"]
    assert report.failed[0].target == f"{registry.address}/docker.io/library/nginx:1.27"
    assert tags(registry) == wanted(layout, "nginx:1.27")


def test_docker_io_is_docker_hub() -> None:
    """Nobody serves a registry at docker.io itself."""
    with RegistryTarget("docker.io", Options()) as target:
        assert target.address == "docker.io"
        assert target._client.base() == "https://registry-1.docker.io"
