"""Any one blob lost or changed, any one tag moved: named by status, put right by unpack."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from airgap.cluster import store
from airgap.cluster.site import Site
from airgap.oci.attached import tag_of
from airgap.unpack import repair
from airgap.upkeep.status import look
from tests.support.bundles import Content
from tests.support.cluster import Told
from tests.unit.unpack.bundles import Run, cluster_bundle


class Filled(Run):
    """A host on which a bundle of three images landed."""

    def __init__(self, folder: Path, filling: Content | None = None) -> None:
        super().__init__(folder)
        cluster_bundle(self.path, content=filling or content())
        self()
        self.again()

    def again(self) -> None:
        self.told.warnings.clear()
        self()

    def problems(self, *, deep: bool = False) -> list[str]:
        site = Site.find(self.host.engine, "kind", self.host.tools)
        return look(site, deep=deep).problems


def content() -> Content:
    made = Content()
    made.simple("nginx:1.27", 1, 3000, 700)
    made.simple("quay.io/org/app:v1", 1, 5000)
    made.both("ghcr.io/org/multi:v2", 7, "linux/amd64")
    return made


def attached() -> Content:
    """Return an image with a signature under cosign's tag, and an SBOM in a list of referrers."""
    made = Content()
    subject = made.simple("nginx:1.27", 1, 3000).root
    signature = made.artifact(made.blob(b"{}"), made.blob(b"signature"))
    made.add(f"nginx:{tag_of(subject.digest, '.sig')}", signature)
    sbom = made.artifact(made.blob(b"{}"), made.blob(b"sbom"), subject=subject.to_json())
    made.add(f"nginx:{tag_of(subject.digest)}", made.put({"schemaVersion": 2, "manifests": [sbom]}))
    made.images[1:] = [replace(image, attached=True) for image in made.images[1:]]
    return made


@pytest.fixture
def run(tmp_path: Path) -> Filled:
    return Filled(tmp_path)


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """A host that test after test breaks and puts right: each sees that all is as before."""
    return Filled(tmp_path_factory.mktemp("worn"))


def snapshot(run: Filled) -> store.Content:
    node = run.host.engine.found["kind"][0]
    found = store.look(node)
    assert not found.lost
    assert not store.changed(node, found.blobs)
    return found


def test_all_is_well_at_first(run: Filled) -> None:
    assert run.problems(deep=True) == []
    assert run.told.warnings == ["not verified: who made this bundle; --key KEY.pub verifies it"]


@pytest.mark.parametrize("seed", range(12))
def test_a_lost_blob_is_named_and_put_right(worn: Filled, seed: int) -> None:
    run, before = worn, snapshot(worn)
    digest = random.Random(seed).choice(sorted(before.blobs))
    run.volume.blob(digest).unlink()
    (problem,) = run.problems()
    assert problem.startswith(f"blobs are gone: {digest} of ")
    run.again()
    assert any(f"was lost or changed: {digest}" in text for text in run.told.warnings)
    assert snapshot(run) == before
    assert run.problems(deep=True) == []


@pytest.mark.parametrize("seed", range(12))
def test_a_changed_blob_is_named_and_put_right(worn: Filled, seed: int) -> None:
    run, before = worn, snapshot(worn)
    digest = random.Random(seed).choice(sorted(before.blobs))
    path = run.volume.blob(digest)
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    (problem,) = run.problems(deep=True)
    assert problem.startswith(f"blobs are not what their digest says: {digest};")
    run.again()
    assert snapshot(run) == before


def test_every_moved_tag_is_named_and_put_right_the_short_one_too(run: Filled) -> None:
    before = snapshot(run)
    assert len(before.tags) == 6
    evil = run.volume.put(b'{"evil": 1}')
    for name in before.tags:
        repository, _, tag = name.rpartition(":")
        run.volume.tag(repository, tag, evil)
        (problem,) = run.problems()
        assert problem.startswith(f"tags were changed since they landed: {name} ({evil[:19]})")
        run.again()
        assert any(name in text for text in run.told.warnings)
        assert snapshot(run).tags == before.tags
        assert run.problems() == []


def test_a_full_tag_that_is_gone_is_named_and_put_right(run: Filled) -> None:
    before = snapshot(run)
    shutil.rmtree(run.volume.tag_path("docker.io/library/nginx", "1.27"))
    (problem,) = run.problems()
    assert problem.startswith("tags that landed are gone: docker.io/library/nginx:1.27")
    run.again()
    assert snapshot(run).tags == before.tags


def test_what_people_pushed_is_nobody_s_business(run: Filled) -> None:
    mine = run.volume.put(b'{"mine": 1}')
    run.volume.tag("hello", "1", mine)
    assert run.problems(deep=True) == []
    run.again()
    assert snapshot(run).tags["hello:1"] == mine


def test_what_is_attached_is_held_as_images_are(tmp_path: Path) -> None:
    run = Filled(tmp_path, attached())
    before = snapshot(run)
    assert len(before.tags) == 6
    assert run.problems(deep=True) == []
    for name, digest in before.tags.items():
        repository, _, tag = name.rpartition(":")
        run.volume.tag(repository, tag, next(d for d in before.tags.values() if d != digest))
        (problem,) = run.problems()
        assert problem.startswith(f"tags were changed since they landed: {name} (")
        run.again()
        assert any(name in text for text in run.told.warnings)
        assert snapshot(run).tags == before.tags
    (lost,) = (name for name in before.tags if name.startswith("docker.io") and ".sig" in name)
    shutil.rmtree(run.volume.tag_path(*lost.split(":")))
    assert run.problems()[0].startswith(f"tags that landed are gone: {lost};")


def test_a_list_of_referrers_to_which_others_added_is_as_it_should_be(tmp_path: Path) -> None:
    filling = attached()
    run = Filled(tmp_path, filling)
    (name,) = (n for n in snapshot(run).tags if n.startswith("docker.io") and n[-64:].isalnum())
    (own,) = json.loads(filling.bodies[filling.images[-1].root.digest])["manifests"]
    theirs = own | {"digest": "sha256:" + "7" * 64}
    for entries, is_well in (([own, theirs], True), ([theirs], False), ("no list", False)):
        run.volume.tag(
            *name.split(":"),
            run.volume.put(json.dumps({"schemaVersion": 2, "manifests": entries}).encode()),
        )
        assert (run.problems() == []) == is_well, entries


@pytest.mark.parametrize(("count", "more"), [(1, 0), (10, 0), (12, 2)])
def test_many_are_told_by_the_first_ten_and_their_number(count: int, more: int) -> None:
    told = Told()
    repair._tell(told, "lost", {chr(ord("a") + number) for number in range(count)})
    named = ", ".join("abcdefghij"[:count]) + (f" and {more} more" if more else "")
    assert told.warnings == [f"lost: {named}; put right"]
