from tests.support.images import EMPTY
from tests.support.shelf import Shelf
from tests.unit.pack.conftest import Listener, Pack


def test_what_registries_refuse_is_told_before_the_crossing(shelf: Shelf, packed: Pack) -> None:
    root = shelf.roots["quay.io/org/app:1"]
    pinned = f"quay.io/org/app@{root.digest}"
    shelf.roots[pinned] = root
    listener = Listener()
    result = packed("nginx:1", "quay.io/org/app:1", pinned, listener=listener)
    (told,) = listener.warnings
    assert told.startswith("of 2 images not all platforms are carried")
    assert "--platform all" in told
    assert told.endswith(f"named by digest or carried for several platforms: {pinned}")
    assert [reference.familiar for reference in result.sparse] == ["quay.io/org/app:1", pinned]
    assert result.to_json()["sparse"][0] == "quay.io/org/app:1"


def test_a_line_that_carries_all(packed: Pack) -> None:
    listener = Listener()
    result = packed("nginx:1", "--platform all quay.io/org/app:1", listener=listener)
    assert listener.warnings == []
    assert not result.sparse


def test_a_nested_index(shelf: Shelf, packed: Pack) -> None:
    value = {"schemaVersion": 2, "manifests": [shelf.roots["quay.io/org/app:1"].to_json()]}
    shelf.put(value, "nested:1")
    assert [r.familiar for r in packed("nested:1").sparse] == ["nested:1"]


def test_an_index_without_platforms_is_carried_whole(shelf: Shelf, packed: Pack) -> None:
    config = shelf.blob(b"{}", EMPTY)
    children = [shelf.artifact(config, shelf.blob(layer)) for layer in (b"signature", b"sbom")]
    shelf.index("quay.io/org/app:sha256-abc", *children)
    result = packed("quay.io/org/app:sha256-abc")
    assert not result.error
    assert len(result.images[0].manifests) == 3
    assert not result.sparse
