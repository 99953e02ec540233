"""One image that cannot be carried is its own affair, and named."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from airgap.bundle import writer
from airgap.bundle.partial import kept
from airgap.bundle.reader import Bundle
from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from tests.support.images import described
from tests.support.shelf import Shelf, refuse
from tests.unit.pack.conftest import Listener, Pack


def changed(shelf: Shelf, name: str, change: Callable[[dict], None]) -> Descriptor:
    """Put an image again, its manifest changed."""
    value = json.loads(shelf.content[shelf.roots[name].digest])
    change(value)
    return described(shelf.put(value, name))


def names(result) -> list[str]:
    with Bundle.open(result.path) as bundle:
        bundle.verify()
        return [image.reference.familiar for image in bundle.images]


def sha512(shelf: Shelf) -> str:
    layer = b"layer by another hash"
    digest = Digest.of(layer, "sha512")
    shelf.image(b"base", b"own", name="bad:1")
    shelf.content[digest] = layer
    changed(shelf, "bad:1", lambda v: v["layers"][1].update(digest=str(digest), size=len(layer)))
    return "content named by sha512 cannot be in a bundle"


def two_sizes(shelf: Shelf) -> str:
    shelf.image(b"base", b"own", name="bad:1")
    changed(shelf, "bad:1", lambda v: v["layers"][0].update(size=3))
    return f"it says that {Digest.of(b'base')} has 3 bytes, and it has 4"


def two_sizes_in_one(shelf: Shelf) -> str:
    shelf.image(b"own", b"own", name="bad:1")
    changed(shelf, "bad:1", lambda v: v["layers"][0].update(size=2))
    return f"it says that {Digest.of(b'own')} has 2 bytes, and it has 3"


def manifest_of_two_sizes(shelf: Shelf) -> str:
    child = shelf.image(b"base", b"app amd")
    root = shelf.index("bad:1", amd64=child)
    value = json.loads(shelf.content[described(root).digest])
    value["manifests"][0]["size"] += 1
    shelf.put(value, "bad:1")
    return f"its index says that {child['digest']} has {child['size'] + 1} bytes"


def missing_child(shelf: Shelf) -> str:
    child = shelf.image(b"lost")
    shelf.index("bad:1", amd64=child)
    del shelf.content[described(child).digest]
    return f"bad:1: {child['digest']} is missing"


KINDS = [sha512, two_sizes, two_sizes_in_one, manifest_of_two_sizes, missing_child]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_the_others_are_packed(
    shelf: Shelf, packed: Pack, kind: Callable[[Shelf], str], place: int
) -> None:
    why = kind(shelf)
    good = ["nginx:1", "quay.io/org/app:1"]
    lines = [*good[:place], "bad:1", *good[place:]]
    result = packed(*lines, keep_going=True)
    assert names(result) == good
    assert [(str(r), why in e.message) for r, e in result.failed.items()] == [
        ("docker.io/library/bad:1", True)
    ]
    refused = packed(*lines)
    assert refused.digest is None
    assert isinstance(refused.error, InputError)
    assert why in refused.error.message
    assert "bad:1" in refused.error.message


def test_one_tag_with_two_digests(shelf: Shelf, packed: Pack) -> None:
    other = described(shelf.image(b"other"))
    pinned = f"nginx:1@{other.digest}"
    shelf.roots[pinned] = other
    result = packed("nginx:1", pinned, "quay.io/org/app:1", keep_going=True)
    assert names(result) == ["nginx:1", "quay.io/org/app:1"]
    ((reference, error),) = result.failed.items()
    assert reference.familiar == pinned
    assert "different images with one name and tag" in error.message


def test_what_fails_on_its_way(shelf: Shelf, packed: Pack) -> None:
    shelf.fault = lambda d, c: refuse(d, c) if c == b"app amd" else c
    result = packed(
        "gone:1", "--platform linux/amd64 quay.io/org/app:1", "nginx:1", keep_going=True
    )
    assert names(result) == ["nginx:1"]
    assert result.unfinished == [
        "--platform linux/amd64 docker.io/library/gone:1",
        "--platform linux/amd64 quay.io/org/app:1",
    ]


def test_one_writer_hashes_nothing_again(
    shelf: Shelf, packed: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, hashed = [], []
    entered, hash_one = writer.open_locked, kept._hash
    monkeypatch.setattr(writer, "open_locked", lambda *a, **k: opened.append(a) or entered(*a, **k))
    monkeypatch.setattr(kept, "_hash", lambda *a: hashed.append(a) or hash_one(*a))
    shelf.fault = lambda d, c: refuse(d, c) if c == b"app amd" else c
    result = packed("quay.io/org/app:1", "nginx:1", keep_going=True)
    assert names(result) == ["nginx:1"]
    assert (len(opened), hashed) == (1, [])


def test_a_rerun_of_what_failed_alone(shelf: Shelf, packed: Pack) -> None:
    shelf.fault = lambda d, c: refuse(d, c) if c in (b"app amd", b"app arm") else c
    result = packed("nginx:1", "--platform all quay.io/org/app:1", keep_going=True)
    shelf.fault = lambda _, c: c
    again = packed(*result.unfinished)
    assert names(again) == ["quay.io/org/app:1"]
    assert len(again.images[0].images) == 2


def test_nothing_found_leaves_the_partial_file_alone(shelf: Shelf, packed: Pack, tmp_path) -> None:
    shelf.fault = lambda d, c: refuse(d, c) if c == b"nginx" else c
    packed("nginx:1")
    before = (tmp_path / "b.tar.partial.journal").read_bytes()
    assert packed("gone:1").error
    assert (tmp_path / "b.tar.partial.journal").read_bytes() == before != b""


@pytest.mark.parametrize("keep_going", [False, True])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_an_image_has_is_kept_where_its_look_up_fails_the_next_time(
    shelf: Shelf, packed: Pack, keep_going: bool, place: int
) -> None:
    lines = ["nginx:1", "quay.io/org/app:1"]
    lines.insert(place, "big:1")
    root = described(shelf.image(b"base", b"big one", b"big two", name="big:1"))
    shelf.fault = lambda d, c: refuse(d, c) if c == b"nginx" else c
    packed(*lines)  # all but one layer is there
    shelf.fault = lambda _, c: c
    del shelf.roots["big:1"]
    failed = packed(*lines, keep_going=keep_going)
    assert [str(r) for r in failed.failed] == ["docker.io/library/big:1"]
    assert (failed.digest is not None) == keep_going
    shelf.roots["big:1"] = root
    shelf.fetched.clear()
    with ExitStack() as stack:
        reuse = stack.enter_context(Bundle.open(failed.path)) if keep_going else None
        result = packed(*lines, reuse=reuse)
    assert sorted(names(result)) == sorted(lines)
    layers = {Digest.of(layer) for layer in (b"base", b"nginx", b"app amd", b"big one", b"big two")}
    assert not layers & set(shelf.fetched)  # the look-up reads configs


def test_what_fails_on_its_way_keeps_what_came(shelf: Shelf, packed: Pack, tmp_path: Path) -> None:
    shelf.image(b"base", b"big one", b"big two", name="big:1")
    shelf.fault = lambda d, c: refuse(d, c) if c == b"big two" else c
    listener = Listener()
    result = packed("big:1", "nginx:1", keep_going=True, listener=listener)
    assert names(result) == ["nginx:1"]
    assert any("b.tar.partial keeps" in note for note in listener.notes)
    shelf.fault = lambda _, c: c
    shelf.fetched.clear()
    with Bundle.open(result.path) as reuse:
        assert names(packed("big:1", "nginx:1", reuse=reuse)) == ["big:1", "nginx:1"]
    assert shelf.fetched == [Digest.of(b"big two")]
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar"]
