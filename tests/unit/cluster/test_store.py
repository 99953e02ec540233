from pathlib import Path

import pytest

from airgap.cluster import store
from tests.support.cluster import FakeNode, Machine
from tests.support.volume import Volume


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path / "volume")


@pytest.fixture
def node(volume: Volume) -> FakeNode:
    return FakeNode("kind-control-plane", machine=Machine(volume=volume.root))


def test_tags_links_and_blobs_are_told_apart(volume: Volume, node: FakeNode) -> None:
    layer, manifest = volume.put(b"layer"), volume.put(b"manifest")
    volume.link("docker.io/library/nginx", layer)
    volume.tag("docker.io/library/nginx", "1.27", manifest)
    volume.tag("nginx", "1.27", manifest)
    found = store.look(node)
    assert found.tags == {"docker.io/library/nginx:1.27": manifest, "nginx:1.27": manifest}
    assert found.linked.keys() == {layer, manifest}
    assert found.linked[layer] == "docker.io/library/nginx"
    assert found.blobs == {layer, manifest}
    assert not found.lost


def test_odd_names_of_repositories_and_tags(volume: Volume, node: FakeNode) -> None:
    manifest = volume.put(b"m")
    for repository, tag in (
        ("a/link/b", "link"),
        ("blobs/x", "data"),
        ("tags/current", "v1.0_x-y"),
    ):
        volume.tag(repository, tag, manifest)
    found = store.look(node)
    assert found.tags.keys() == {"a/link/b:link", "blobs/x:data", "tags/current:v1.0_x-y"}
    assert found.linked.keys() == found.blobs == {manifest}


def test_a_registry_without_content(node: FakeNode) -> None:
    assert store.look(node) == store.Content({}, {}, frozenset())
    assert store.look(FakeNode("n")) == store.Content({}, {}, frozenset())
    assert store.changed(FakeNode("n"), ["sha256:" + "a" * 64]) == set()


def test_what_is_gone_or_another_is_told(volume: Volume, node: FakeNode) -> None:
    good, gone, other = (volume.put(c) for c in (b"good", b"gone", b"other"))
    for digest in (good, gone, other):
        volume.link("r", digest)
    volume.blob(gone).unlink()
    volume.blob(other).write_bytes(b"OTHER")
    found = store.look(node)
    assert found.lost == {gone}
    assert store.changed(node, found.blobs) == {other}
    assert store.changed(node, [good, gone]) == set()


def test_what_is_forgotten_is_asked_for_again_and_nothing_else(
    volume: Volume, node: FakeNode
) -> None:
    bad, good = volume.put(b"bad"), volume.put(b"good")
    for tag, digest in (("1", bad), ("2", good)):
        volume.tag("r", tag, digest)
    store.forget(node, [("r", "1", bad), ("other", "", good)], [bad])
    found = store.look(node)
    assert found.tags == {"r:2": good}
    assert found.linked.keys() == found.blobs == {good}
    store.forget(node, [], [])
    assert store.look(node) == found
