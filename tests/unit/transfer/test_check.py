"""What a target has, what a push would ask for, and some of a bundle's images."""

import json
from pathlib import Path

import pytest

from airgap.errors import AirgapError, InputError, MissingError
from airgap.oci.reference import Reference
from airgap.registry.options import Options
from airgap.sources.layout import Layout
from airgap.targets.naming import Naming
from airgap.targets.registry import RegistryTarget
from airgap.transfer.check import Comparison, check
from airgap.transfer.dry_run import dry_run
from airgap.transfer.selection import select
from airgap.transfer.stop import Stop
from tests.support.clock import FakeClock
from tests.support.images import Maker
from tests.support.pushing import put
from tests.support.registry import Fault, MemoryRegistry, error, on


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    maker = Maker(tmp_path / "layout")
    base = maker.bytes(30_000)
    maker.image(base, maker.bytes(100), name="docker.io/library/nginx:1.27")
    amd, arm = maker.image(base), maker.image(base, architecture="arm64")
    maker.index("quay.io/org/app:1", amd64=amd, arm64=arm)
    return maker.layout()


def compare(layout: Layout, registry: MemoryRegistry, naming: Naming | None = None) -> Comparison:
    stop, names = Stop(FakeClock()), (naming or Naming()).names(layout.images)
    with RegistryTarget(registry.address, Options(tries=2), scheme="http", stop=stop) as target:
        return check(layout.images, layout, target, names=names, stop=stop)


def test_all_is_there(registry: MemoryRegistry, layout: Layout) -> None:
    put(layout, registry)
    before = len(registry.requests)
    found = compare(layout, registry)
    found.check()
    assert found.unfinished == []
    assert {r.method for r in registry.requests[before:]} == {"HEAD"}, "nothing is sent"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500, 501, 502])
@pytest.mark.parametrize("part", ["/manifests/", "/blobs/", ""])
def test_a_head_that_denies_what_is_there(
    registry: MemoryRegistry, layout: Layout, part: str, status: int
) -> None:
    put(layout, registry)
    registry.rule = on(error(status, "UNKNOWN"), method="HEAD", part=part)
    before = registry.sent
    compare(layout, registry).check()
    assert registry.sent - before < 20_000, "no blob is fetched"


def test_a_blob_that_no_head_finds_and_no_get(registry: MemoryRegistry, layout: Layout) -> None:
    put(layout, registry)
    registry.rule = on(error(404, "BLOB_UNKNOWN"), part="/blobs/", repository="quay.io/org/app")
    found = compare(layout, registry)
    assert [str(r) for r in found.unfinished] == ["quay.io/org/app:1"]
    assert "lacks" in found.missing[0].lack


def test_nothing_is_there(registry: MemoryRegistry, layout: Layout) -> None:
    found = compare(layout, registry)
    with pytest.raises(MissingError) as caught:
        found.check()
    assert caught.value.exit_code == 9
    lines = caught.value.message.split("\n")
    assert lines[0] == "2 of 2 images not there or not whole"
    assert lines[1] == "  docker.io/library/nginx:1.27: docker.io/library/nginx:1.27 is not there"
    assert {r.method for r in registry.requests} <= {"HEAD", "GET"}


@pytest.mark.parametrize("part", ["tag", "other tag", "child", "layer", "config"])
def test_each_part_that_is_missing_is_found(
    registry: MemoryRegistry, layout: Layout, part: str
) -> None:
    put(layout, registry)
    app = registry.content.repositories["quay.io/org/app"]
    image = next(i for i in layout.images if i.reference.path == "org/app")
    if part == "tag":
        app.tags.clear()
    elif part == "other tag":
        app.tags["1"] = str(image.manifests[0].digest)
    elif part == "child":
        del app.manifests[str(image.manifests[0].digest)]
    else:
        app.blobs.remove(str(image.images[0].blobs[-1 if part == "layer" else 0].digest))
    found = compare(layout, registry)
    assert found.unfinished == [image.reference]
    (missing,) = json.loads(json.dumps(found.to_json()))["missing"]
    assert missing["target"] == f"{registry.address}/quay.io/org/app:1"
    with pytest.raises(MissingError, match=r"1 of 2 images"):
        found.check()


@pytest.mark.parametrize("is_told", [True, False])
def test_a_blob_of_another_size_is_found_where_the_size_is_told(
    registry: MemoryRegistry, layout: Layout, is_told: bool
) -> None:
    put(layout, registry)
    (only,) = layout.images[0].images[0].blobs[-1:]
    registry.content.blobs[str(only.digest)] = registry.content.blobs[str(only.digest)][:-1]
    if not is_told:  # but 0, as some answer each HEAD
        registry.rule = on(Fault(status=200), method="HEAD", part="/blobs/")
    found = compare(layout, registry)
    lacks = [missing.lack for missing in found.missing]
    assert lacks == ([f"docker.io/library/nginx lacks {only.digest}"] if is_told else [])


def test_what_cannot_be_found_out_is_no_answer(registry: MemoryRegistry, layout: Layout) -> None:
    put(layout, registry)
    registry.rule = on(error(403, "DENIED"), repository="quay.io/org/app")
    found = compare(layout, registry)
    assert [str(r) for r in found.unfinished] == ["quay.io/org/app:1"]
    with pytest.raises(AirgapError, match=r"quay\.io/org/app:1: ") as caught:
        found.check()
    assert caught.value.exit_code == 3


def test_a_short_tag_that_a_push_would_not_move_is_nothing_missing(
    registry: MemoryRegistry, layout: Layout
) -> None:
    naming = Naming(short_names=True)
    put(layout, registry, names=naming.names(layout.images))
    nginx = registry.content.repositories["nginx"]
    nginx.manifests["sha256:" + "0" * 64] = ("x/y", b"{}")
    nginx.tags["1.27"] = "sha256:" + "0" * 64
    found = compare(layout, registry, naming)
    found.check()
    assert found.left_alone == ["nginx:1.27"]


def test_a_dry_run_tells_what_a_push_does(registry: MemoryRegistry, layout: Layout) -> None:
    """Nobody is asked; and the push then does just that."""
    naming = Naming(prefix="team", short_names=True)
    names = naming.names(layout.images)
    told = {found.repository: found for found in dry_run(layout.images, layout, names)}
    assert registry.requests == []
    report = put(layout, registry, names=names)
    assert set(told) == set(registry.content.repositories)
    for name, found in registry.content.repositories.items():
        asked = told[name]
        assert set(asked.tags) == set(found.tags)
        assert {str(d.digest) for d in asked.manifests} == set(found.manifests)
        blobs = [*asked.uploads, *(blob for blob, _ in asked.mounts)]
        assert {str(blob.digest) for blob in blobs} == found.blobs
    assert report.uploaded == sum(len(found.uploads) for found in told.values())
    assert report.mounted == sum(len(found.mounts) for found in told.values())
    value = json.loads(json.dumps([found.to_json() for found in told.values()]))
    assert value[0]["repository"] == "team/docker.io/library/nginx"
    assert value[0]["references"] == ["docker.io/library/nginx:1.27"]
    assert "3 blobs" in str(told["team/docker.io/library/nginx"])


def test_a_selection(layout: Layout) -> None:
    wanted = [Reference.parse("quay.io/org/app:1")]
    assert [i.reference for i in select(layout.images, wanted, "l.txt")] == wanted
    wanted.append(Reference.parse("gone:1"))
    with pytest.raises(InputError, match=r"l\.txt names what is not in the bundle:\n  gone:1"):
        select(layout.images, wanted, "l.txt")


def test_a_tag_selects_what_was_pinned_as_well(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "pinned")
    root = maker.image(b"x")
    maker.image(b"x", name=f"quay.io/org/app:1@{root['digest']}")
    layout = maker.layout()
    for text in ("quay.io/org/app:1", f"quay.io/org/app:1@{root['digest']}"):
        assert len(select(layout.images, [Reference.parse(text)], "l")) == 1
