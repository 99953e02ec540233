"""What a plan has no place for stays for the next run."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airgap.bundle.partial import leftovers
from airgap.bundle.partial.extents import Extents
from airgap.bundle.partial.journal import Held
from airgap.bundle.plan import plan
from airgap.bundle.reader import Bundle
from airgap.bundle.writer import Writer, journal_of, partial_of
from airgap.errors import ResourceError
from airgap.oci.digest import Digest
from tests.support.bundles import Content, fill, sample

A, B, C = (Digest.of(text) for text in (b"a", b"b", b"c"))


@pytest.fixture
def content() -> Content:
    return sample()


def begin(content: Content, path: Path) -> int:
    """Fill all blobs, and end without a bundle; return their bytes."""
    with Writer(plan(content.contents()), path) as writer:
        return fill(writer, content)


def of(content: Content, images: list, path: Path, *, lacks: bool = True) -> Writer:
    return Writer(plan(content.contents(images=images)), path, lacks=lacks)


def whole(path: Path) -> None:
    with Bundle.open(path) as opened:
        opened.verify()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_without_a_bundle_all_stays(content: Content, tmp_path: Path, place: int) -> None:
    path, images = tmp_path / "b.tar", list(content.images)
    begin(content, path)
    others = images[:place] + images[place + 1 :]
    for _ in range(2):  # the second one finds them where the first put them
        with of(content, others, path) as writer:
            assert writer.missing() == []
    with of(content, images, path, lacks=False) as writer:
        assert writer.missing() == []
        writer.commit()
    whole(path)
    assert [p.name for p in tmp_path.iterdir()] == ["b.tar"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_with_a_bundle_the_rest_gets_a_file_of_its_own(
    content: Content, tmp_path: Path, place: int
) -> None:
    path, images = tmp_path / "b.tar", list(content.images)
    begin(content, path)
    left = images[place]
    with of(content, images[:place] + images[place + 1 :], path) as writer:
        writer.commit()
    whole(path)
    own = {b.digest: b.size for b in left.blobs}
    shared = {b.digest for image in images if image is not left for b in image.blobs}
    assert writer.leaves == sum(size for digest, size in own.items() if digest not in shared)
    with of(content, [left], tmp_path / "b.tar") as writer:
        assert {blob.digest for blob in writer.missing()} == own.keys() & shared
        fill(writer, content)
        writer.commit()
    whole(path)
    assert not partial_of(path).exists()
    assert not journal_of(partial_of(path)).exists()


def test_a_plan_for_less_keeps_what_it_leaves_out(content: Content, tmp_path: Path) -> None:
    path, images = tmp_path / "b.tar", list(content.images)
    with Writer(plan(content.contents()), path) as writer:
        kept = writer.missing()[-1]
        for blob in writer.missing():
            if blob != kept:
                writer.sink(blob).write(memoryview(content.blobs[blob.digest]))
                writer.sink(blob).finish()
        writer.sink(kept).write(memoryview(content.blobs[kept.digest])[:100])
        good = [image for image in images if kept not in image.blobs]
        writer.replan(plan(content.contents(images=good)))
        writer.commit()
    whole(path)
    with of(content, images, path, lacks=False) as writer:
        gone = {blob.digest for image in good for blob in image.blobs}
        assert {b.digest for b in writer.missing()} == gone | {kept.digest}
        assert writer.sink(kept).offset == 100
        fill(writer, content)
        writer.commit()
    whole(path)


def test_nothing_is_kept_where_nothing_failed(content: Content, tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    begin(content, path)
    with of(content, content.images[:1], path, lacks=False) as writer:
        writer.commit()
    assert writer.leaves == 0
    assert [p.name for p in tmp_path.iterdir()] == ["b.tar"]


def test_a_medium_without_room_keeps_nothing_and_gets_its_bundle(
    content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, first = tmp_path / "b.tar", content.images[:1]
    begin(content, path)
    most = plan(content.contents(images=first)).size

    def check(fd: int, path: object, size: int) -> None:
        if size > most:
            raise ResourceError("full")

    monkeypatch.setattr(leftovers, "check_space", check)
    with of(content, first, path) as writer:
        writer.commit()
    whole(path)
    assert [p.name for p in tmp_path.iterdir()] == ["b.tar"]


@pytest.mark.parametrize("call", ["open", "link"])
def test_a_medium_that_makes_no_file_without_a_name(
    content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path, first = tmp_path / "b.tar", content.images[:1]
    begin(content, path)
    real = getattr(os, call)

    def refuse(*args: object, **more: object) -> object:
        if call == "link" or (isinstance(args[1], int) and args[1] & os.O_TMPFILE == os.O_TMPFILE):
            raise OSError(95, "Operation not supported")
        return real(*args, **more)

    with of(content, first, path) as writer:
        monkeypatch.setattr(os, call, refuse)
        writer.commit()
    monkeypatch.undo()
    whole(path)
    assert writer.leaves == 0
    assert [p.name for p in tmp_path.iterdir()] == ["b.tar"]


def test_another_run_that_has_begun_meanwhile_keeps_its_file(
    content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.tar"
    begin(content, path)
    real = leftovers.give_name

    def give_name(aside: int, partial: Path) -> bool:
        partial.write_bytes(b"of another run")
        return real(aside, partial)

    monkeypatch.setattr(leftovers, "give_name", give_name)
    with of(content, content.images[:1], path) as writer:
        writer.commit()
    assert partial_of(path).read_bytes() == b"of another run"
    assert writer.leaves == 0


def test_what_the_file_does_not_have_or_the_plan_has_is_no_leftover() -> None:
    noted = {
        A: Held(0, ((0, 10),)),  # overlaps what is planned
        B: Held(10, ((0, 5), (8, 10))),
        C: Held(19, ((0, 2),)),  # behind the end
    }
    planned = {Digest.of(b"d"): Held(5, ((0, 5),))}
    assert leftovers.leftovers(noted, planned, 20) == {B: Held(10, ((0, 5), (8, 10)))}
    twice = {A: Held(10, ((0, 5),)), B: Held(12, ((0, 5),))}
    assert leftovers.leftovers(twice, planned, 20) == {A: Held(10, ((0, 5),))}


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))), st.integers(0, 50))
def test_overlaps(ranges: list[tuple[int, int]], at: int) -> None:
    there = Extents(ranges)
    every = {byte for start, end in ranges for byte in range(start, end)}
    assert there.overlaps([(at, at + 3)]) == bool(every & {at, at + 1, at + 2})


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_any_history_with_failures_ends_in_the_same_bytes(tmp_path_factory, seed: int) -> None:
    """What a run fetched is fetched no more, whatever the next ones lack; but for the bundles."""
    folder, rng = tmp_path_factory.mktemp("history"), random.Random(seed)
    path, every = folder / "b.tar", Content()
    for number in range(5):
        every.simple(f"app{number}:1", 10 * number, *rng.choices([3, 900, 7000], k=2))
    there: set[Digest] = set()
    for _ in range(rng.randint(1, 4)):
        with of(every, rng.sample(every.images, rng.randint(1, 5)), path) as writer:
            missing = writer.missing()
            assert not there & {blob.digest for blob in missing}
            fill(writer, every)
            there |= {blob.digest for blob in missing}
            if rng.random() < 0.3:
                writer.commit()
                there -= {blob.digest for blob in writer._plan.blobs}
    with of(every, every.images, path, lacks=False) as writer:
        assert not there & {blob.digest for blob in writer.missing()}
        fill(writer, every)
        writer.commit()
    whole(path)
    with Writer(plan(every.contents()), folder / "whole.tar") as writer:
        fill(writer, every)
        writer.commit()
    assert path.read_bytes() == (folder / "whole.tar").read_bytes()
