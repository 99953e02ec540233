"""The registry's store has a size, and unpack brings no more than fits."""

from dataclasses import replace
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.cluster.site import Site
from airgap.cluster.store import Content, look
from airgap.errors import ResourceError
from airgap.unpack import room
from airgap.upkeep.status import look as status
from tests.unit.unpack.bundles import Run, cluster_bundle

GIB = 1 << 30


@pytest.fixture
def run(tmp_path: Path) -> Run:
    found = Run(tmp_path)
    cluster_bundle(found.path)
    return found


def claimed(run: Run) -> str:
    claim = run.host.kube_of("kind").get("PersistentVolumeClaim", "registry", "registry")
    assert claim
    return str(claim["spec"]["resources"]["requests"]["storage"])


def fill(run: Run) -> None:
    """Let the store have a blob as large as it is to be as a whole."""
    blob = run.volume.root / "blobs/sha256/ee" / ("ee" * 32) / "data"
    blob.parent.mkdir(parents=True)
    with blob.open("wb") as file:
        file.truncate(GIB)


def limit(run: Run) -> int | None:
    return status(Site.find(run.host.engine, "kind", run.host.tools)).store_limit


def test_it_is_as_large_as_is_asked_for_and_stays_so(run: Run) -> None:
    for asked, may in ((7, 7), (None, 7), (8, 8), (None, 8)):
        run(storage=asked)
        assert limit(run) == may * GIB
        assert claimed(run) == "7Gi", "Kubernetes changes no claim"


def test_a_new_one_takes_what_a_bundle_needs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = replace(cluster_bundle(run.path), storage=1)
    with Bundle.open(run.path) as bundle:
        (size,) = {sum(blob.size for image in bundle.images for blob in image.blobs)}
        assert room.limited(bundle, parameters, [], None).storage == 1
        assert room.limited(bundle, parameters, [], 3).storage == 3
        monkeypatch.setattr(room, "_GIB", size)
        assert room.limited(bundle, parameters, [], None).storage == 2


def test_status_tells_what_is_in_it_and_what_may_be(run: Run) -> None:
    run(storage=7)
    (node,) = run.host.engine.found["kind"]
    found = status(Site.find(run.host.engine, "kind", run.host.tools))
    files = [path.stat().st_size for path in (run.volume.root / "blobs").rglob("data")]
    assert found.store_bytes == sum(files) == look(node).size > 3000
    assert found.store_limit == 7 * GIB
    assert found.problems == []


def test_more_than_it_is_to_take_is_named(run: Run) -> None:
    run(storage=1)
    fill(run)
    (problem,) = status(Site.find(run.host.engine, "kind", run.host.tools)).problems
    assert problem.startswith("the registry's store has 1073 MB, more than it is to take")


def test_only_what_is_new_has_to_fit(run: Run) -> None:
    with Bundle.open(run.path) as bundle:
        blobs = {blob.digest: blob.size for image in bundle.images for blob in image.blobs}
        parameters = replace(cluster_bundle(run.folder / "other.tar"), storage=1)
        names, more = frozenset(map(str, blobs)), sum(blobs.values())
        nothing, empty = Content({}, {}, names, GIB), Content({}, {}, frozenset(), GIB - more)
        room.check(nothing, bundle, parameters)
        room.check(empty, bundle, parameters)
        with pytest.raises(ResourceError, match="store of 1 GiB has 1073 MB, and 0 MB more do not"):
            room.check(replace(empty, size=GIB - more + 1), bundle, parameters)


def test_a_bundle_that_does_not_fit_is_refused_before_anything_is_pushed(run: Run) -> None:
    run(storage=1)
    fill(run)
    landed = len(run.landed)
    run()
    assert len(run.landed) == landed + 1, "all of it is there already"
    from tests.support.bundles import Content as Made

    made = Made()
    made.simple("nginx:1.28", 2, 4000)
    cluster_bundle(run.path, content=made)
    with pytest.raises(ResourceError, match=r"store of 1 GiB .* do not fit"):
        run()
    assert len(run.landed) == landed + 1
    run(storage=2)
    assert len(run.landed) == landed + 2
