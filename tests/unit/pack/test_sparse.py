import json

from tests.unit.pack.conftest import Listener, Pack
from tests.unit.shelf import Shelf


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
    shelf._put("nested:1", value)
    assert [r.familiar for r in packed("nested:1").sparse] == ["nested:1"]


def test_an_index_without_platforms_is_carried_whole(shelf: Shelf, packed: Pack) -> None:
    config = shelf.blob(b"{}", "application/vnd.oci.empty.v1+json")
    children = [
        shelf._put("", {"schemaVersion": 2, "config": config, "layers": [shelf.blob(layer)]})
        for layer in (b"signature", b"sbom")
    ]
    value = {"schemaVersion": 2, "manifests": [child.to_json() for child in children]}
    shelf._put("quay.io/org/app:sha256-abc", json.loads(json.dumps(value)))
    result = packed("quay.io/org/app:sha256-abc")
    assert not result.error
    assert len(result.images[0].manifests) == 3
    assert not result.sparse
