"""A push into a registry that takes some and refuses others."""

import itertools
import json
import threading
from pathlib import Path

import pytest

from airgap.errors import AirgapError, ResourceError
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.sources.layout import Layout
from airgap.targets.naming import Naming
from airgap.transfer.push import push
from airgap.transfer.stop import Stop, Stopped
from tests.support.clock import FakeClock
from tests.support.images import Maker
from tests.support.pushing import failed, put, tags, wanted
from tests.support.registry import Fault, MemoryRegistry, error, on

NAMES = ("docker.io/library/a:1", "quay.io/org/b:1", "ghcr.io/org/c:1")


def three(folder: Path, order: tuple[int, ...], *, shared: bool) -> Layout:
    maker = Maker(folder / "layout")
    base = [maker.bytes(3000), b""] if shared else []
    layers = {name: [*base, maker.bytes(100)] for name in NAMES}
    for place in order:
        maker.image(*layers[NAMES[place]], name=NAMES[place])
    return maker.layout()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("method", ["", "PUT"])
def test_one_refused_repository_stops_no_other(
    registry: MemoryRegistry, tmp_path: Path, order: tuple[int, ...], shared: bool, method: str
) -> None:
    layout = three(tmp_path, order, shared=shared)
    denied = error(403, "DENIED", "the project does not exist")
    registry.rule = on(denied, method=method, repository="quay.io/org/b")
    report = put(layout, registry)
    assert failed(report) == ["quay.io/org/b:1"]
    assert tags(registry) == wanted(layout, "quay.io/org/b:1")
    assert report.failed[0].target == f"{registry.address}/quay.io/org/b:1"
    assert len(report.tags) == 2
    with pytest.raises(AirgapError, match=r"quay\.io/org/b:1: "):
        report.check()
    registry.rules.clear()
    assert put(layout, registry).failed == []
    assert tags(registry) == wanted(layout)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(
    "fault",
    [error(500, "UNKNOWN"), Fault(drop=True), Fault(drop=True, reset=True), Fault(status=302)],
    ids=["500", "cut", "reset", "302"],
)
def test_one_repository_that_fails_stops_no_other(
    registry: MemoryRegistry, tmp_path: Path, shared: bool, fault: Fault
) -> None:
    layout = three(tmp_path, (0, 1, 2), shared=shared)
    registry.rule = on(fault, method="POST|PUT", repository="docker.io/library/a")
    report = put(layout, registry)
    assert failed(report) == ["a:1"]
    assert tags(registry) == wanted(layout, "a:1")


def test_a_refused_repository_is_asked_for_one_blob(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    maker = Maker(tmp_path / "layout")
    maker.image(*(maker.bytes(50 + n) for n in range(20)), name=NAMES[0])
    maker.image(*(maker.bytes(50 + n) for n in range(20)), name=NAMES[1])
    registry.rule = on(error(403, "DENIED"), repository="quay.io/org/b")
    layout = maker.layout()
    assert failed(put(layout, registry)) == ["quay.io/org/b:1"]
    asked = [r for r in registry.requests if r.repository == "quay.io/org/b"]
    assert len(asked) <= 4


def test_every_repository_that_refuses_is_named(registry: MemoryRegistry, tmp_path: Path) -> None:
    layout = three(tmp_path, (0, 1, 2), shared=True)
    registry.rules += [
        on(error(403, "DENIED", "no"), method="POST", repository="quay.io/org/b"),
        on(error(409, "CONFLICT", "immutable"), method="PUT", repository="ghcr.io/org/c"),
    ]
    report = put(layout, registry)
    assert failed(report) == ["quay.io/org/b:1", "ghcr.io/org/c:1"]
    with pytest.raises(AirgapError) as caught:
        report.check()
    head, *lines = caught.value.message.split("\n")
    assert head == "2 of 3 images could not be pushed"
    assert lines[0].startswith("  quay.io/org/b:1: ")
    assert lines[1].startswith("  ghcr.io/org/c:1: ")
    assert "immutable" in lines[1]


def test_a_long_list_of_failures_ends_with_a_count(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    maker = Maker(tmp_path / "layout")
    for number in range(30):
        maker.image(maker.bytes(10), name=f"quay.io/org/app{number}:1")
    registry.rule = on(error(400, "NAME_INVALID", "no such project"), method="POST")
    report = put(maker.layout(), registry)
    assert len(report.failed) == 30
    with pytest.raises(AirgapError) as caught:
        report.check()
    lines = caught.value.message.split("\n")
    assert lines[0].endswith("(NAME_INVALID: no such project) to POST: 30 of 30 images")
    assert lines[1] == "  quay.io/org/app0:1"
    assert len(lines) == 22
    assert lines[-1] == "  and 10 more; --json and --failed FILE name all of them"


def test_failures_as_json(registry: MemoryRegistry, tmp_path: Path) -> None:
    layout = three(tmp_path, (0, 1, 2), shared=True)
    registry.rule = on(
        error(400, "NAME_INVALID", "no such project"), method="POST", repository="quay.io/org/b"
    )
    (found,) = json.loads(json.dumps(put(layout, registry).to_json()))["failed"]
    assert found["reference"] == "quay.io/org/b:1"
    assert found["target"] == f"{registry.address}/quay.io/org/b:1"
    assert "no such project" in found["error"]
    assert (found["exit_code"], found["status"], found["code"]) == (3, 400, "NAME_INVALID")


def test_a_blob_whose_bytes_are_wrong_is_sent_nowhere_else(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    """All images that hold it fail, each is named; the others land."""
    maker = Maker(tmp_path / "layout")
    bad = maker.bytes(3000)
    maker.image(bad, name=NAMES[0])
    maker.image(bad, name=NAMES[1])
    maker.image(maker.bytes(10), name=NAMES[2])
    layout = maker.layout()
    path = tmp_path / f"layout/blobs/sha256/{str(Digest.of(bad))[7:]}"
    path.write_bytes(bytes(3000))
    report = put(layout, registry)
    assert failed(report) == ["a:1", "quay.io/org/b:1"]
    assert list(tags(registry)) == ["ghcr.io/org/c:1"]
    assert registry.count("PUT", str(Digest.of(bad)).replace(":", "%3A")) <= 1


def test_a_shared_name_that_fails_leaves_the_own_one(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    layout = three(tmp_path, (0, 1, 2), shared=True)
    registry.rule = on(error(403, "DENIED"), repository="org/b")
    report = put(layout, registry, names=Naming(short_names=True).names(layout.images))
    assert [failure.target for failure in report.failed] == [f"{registry.address}/org/b:1"]
    assert wanted(layout).items() <= tags(registry).items()


class Gone:
    """A target of which one repository ends everything."""

    address = "registry.test"

    def __init__(self, fatal: BaseException) -> None:
        self._fatal, self.begun = fatal, 0
        self.told = threading.Event()

    def find_manifest(self, repository: str, identifier: str, *, doubt: bool = False) -> None:
        return None

    def put_blob(self, repository: str, blob, chunks, mount_from=""):  # type: ignore[no-untyped-def]
        self.begun += 1
        if repository == "docker.io/library/a":
            self.told.set()
            raise self._fatal
        self.told.wait(30)
        return True

    def put_manifest(self, *_: object) -> None:
        raise AssertionError("nothing is tagged")


def test_what_is_fatal_ends_the_run_at_once_and_fails_all(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "layout")
    maker.image(maker.bytes(100), b"x", name=NAMES[0])
    for number in range(200):
        maker.image(maker.bytes(10), name=f"quay.io/org/app{number}:1")
    layout, target, stop = maker.layout(), Gone(ResourceError("it is full")), Stop(FakeClock())
    report = push(layout.images, layout, target, Silent(), stop=stop)
    assert len(report.failed) == 201
    assert {failure.error.message for failure in report.failed} == {"it is full"}
    assert target.begun < 40, "what was not begun is not begun any more"
    assert stop.is_set
    with pytest.raises(ResourceError, match="it is full: 201 of 201 images"):
        report.check()


def test_who_stops_a_push_hears_no_failure(tmp_path: Path) -> None:
    layout, stop = three(tmp_path, (0, 1, 2), shared=False), Stop(FakeClock())
    stop.set()
    with pytest.raises(Stopped):
        push(layout.images, layout, Gone(ResourceError("")), Silent(), stop=stop)


def test_names_by_reference(registry: MemoryRegistry, tmp_path: Path) -> None:
    layout = three(tmp_path, (0, 1, 2), shared=True)
    names = {image.reference: ("all/" + image.reference.path,) for image in layout.images}
    assert put(layout, registry, names=names).failed == []
    assert set(tags(registry)) == {"all/library/a:1", "all/org/b:1", "all/org/c:1"}
    assert Reference.parse(NAMES[0]) in names


def sparse(folder: Path, name: str, *forgotten: str) -> Layout:
    """An index for three platforms of which some are not carried."""
    maker = Maker(folder)
    made = {each: maker.image(each.encode(), architecture=each) for each in ("amd64", "arm64", "s")}
    root = maker.index("", **made)
    maker.name(root, name.replace("DIGEST", root["digest"]))
    for each in forgotten:
        maker.forget(made[each])
    return maker.layout()


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "MANIFEST_BLOB_UNKNOWN"), error(404, "MANIFEST_UNKNOWN"),
        error(404, "MANIFEST_BLOB_UNKNOWN"), error(400, "MANIFEST_INVALID"),
        error(422, "UNPROCESSABLE"), Fault(status=400, body=b"<html>no</html>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("name", "forgotten", "hint"),
    [
        ("quay.io/org/app:1", ("arm64", "s"), "push with --flatten, pack it with --platform all"),
        ("quay.io/org/app:1", ("s",), "pack it with --platform all"),
        ("quay.io/org/app@DIGEST", ("arm64", "s"), "pack it with --platform all"),
    ],
)
def test_an_index_in_part_has_a_hint_that_helps(
    registry: MemoryRegistry,
    tmp_path: Path,
    refusal: Fault,
    name: str,
    forgotten: tuple[str, ...],
    hint: str,
) -> None:
    registry.sparse = True
    layout = sparse(tmp_path / "sparse", name, *forgotten)
    root = str(layout.images[0].root.digest)
    registry.rules += [
        on(refusal, method="PUT", part="/manifests/1"),
        on(refusal, method="PUT", part=f"/manifests/{root}"),
    ]
    report = put(layout, registry)
    (found,) = report.failed
    assert found.error.message.startswith("the registry takes no index without all its platforms")
    assert found.error.hint.startswith(hint)
    assert found.to_json()["status"] == refusal.status


def test_a_whole_index_that_is_refused_is_told_otherwise(
    registry: MemoryRegistry, tmp_path: Path
) -> None:
    layout = sparse(tmp_path / "whole", "quay.io/org/app:1")
    registry.rule = on(error(404, "MANIFEST_UNKNOWN"), method="PUT", part="/manifests/1")
    (found,) = put(layout, registry).failed
    assert "platforms" not in found.error.message
