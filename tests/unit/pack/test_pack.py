import json
from pathlib import Path

import pytest

from airgap.bundle.format import TooLarge
from airgap.bundle.reader import Bundle
from airgap.errors import InputError, NetworkError
from airgap.oci.digest import Digest
from airgap.pack import lookup
from airgap.pack.result import Result
from tests.support.images import described
from tests.support.shelf import Shelf, refuse
from tests.unit.pack.conftest import Listener, pack_from


def run(shelf: Shelf, tmp_path: Path, *lines: str, **more: object) -> Result:
    """Pack lines, and raise what failed."""
    result = pack_from(shelf, tmp_path, *lines, **more)  # type: ignore[arg-type]
    if result.error:
        raise result.error
    return result


def test_what_is_packed_is_there(shelf: Shelf, tmp_path: Path) -> None:
    result = run(shelf, tmp_path, "nginx:1", "quay.io/org/app:1")
    with Bundle.open(result.path) as bundle:
        bundle.verify()
        assert [str(image.reference) for image in bundle.images] == [
            "docker.io/library/nginx:1",
            "quay.io/org/app:1",
        ]
        assert Digest.of(b"app amd") in bundle
        assert Digest.of(b"app arm") not in bundle
        assert bundle.digest == result.digest
    assert result.size == result.path.stat().st_size


@pytest.mark.parametrize("name", ["airgap/registry:x", "docker.io/airgap/node:sha256-ab"])
def test_airgap_s_own_names_are_no_image_s(shelf: Shelf, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="airgap's own on the other side"):
        run(shelf, tmp_path, "nginx:1", name)
    assert run(shelf, tmp_path, "nginx:1").images


def test_shared_layers_are_fetched_once(shelf: Shelf, tmp_path: Path) -> None:
    run(shelf, tmp_path, "nginx:1", "quay.io/org/app:1")
    assert shelf.fetched.count(Digest.of(b"base")) == 1


def test_the_config_that_told_the_platform_is_not_fetched_again(
    shelf: Shelf, tmp_path: Path
) -> None:
    result = run(shelf, tmp_path, "nginx:1")
    assert len(shelf.fetched) == len(set(shelf.fetched)) == 3
    assert [str(p) for p in result.images[0].platforms] == ["linux/amd64"]


def test_the_same_input_gives_the_same_bytes(shelf: Shelf, tmp_path: Path) -> None:
    one = run(shelf, tmp_path, "nginx:1").path.read_bytes()
    assert run(shelf, tmp_path, "nginx:1").path.read_bytes() == one


def test_all_failures_are_listed_and_the_rest_is_kept(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        run(shelf, tmp_path, "nginx:1", "gone:1", "gone:2")
    assert caught.value.message.split("\n") == [
        "2 images failed",
        "  gone:1 does not exist",
        "  gone:2 does not exist",
    ]
    assert not (tmp_path / "b.tar").exists()
    shelf.fetched.clear()
    run(shelf, tmp_path, "nginx:1")
    assert Digest.of(b"nginx") not in shelf.fetched


def test_any_network_failure_makes_it_one(shelf: Shelf, tmp_path: Path) -> None:
    shelf.fault = lambda d, c: refuse(d, c) if c == b"app amd" else c
    with pytest.raises(NetworkError, match="2 images failed") as caught:
        run(shelf, tmp_path, "nginx:1", "quay.io/org/app:1", "gone:1")
    assert "run the same command again" in caught.value.hint


def test_keep_going_writes_the_rest_and_says_so_inside(shelf: Shelf, tmp_path: Path) -> None:
    shelf.fault = lambda d, c: refuse(d, c) if c == b"app amd" else c
    names = ("nginx:1", "quay.io/org/app:1", "gone:1")
    result = run(shelf, tmp_path, *names, keep_going=True)
    assert len(result.failed) == 2
    with Bundle.open(result.path) as bundle:
        bundle.verify()
        assert [image.reference.familiar for image in bundle.images] == ["nginx:1"]
        assert {r.familiar for r in bundle.table.failed} == {"quay.io/org/app:1", "gone:1"}


def test_keep_going_with_nothing_left_is_a_failure(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone:1 does not exist"):
        run(shelf, tmp_path, "gone:1", keep_going=True)


def test_wrong_bytes_are_fetched_once_more_then_refused(shelf: Shelf, tmp_path: Path) -> None:
    wrong = Digest.of(b"nginx")
    shelf.fault = lambda d, c: b"NGINX" if d == wrong else c
    with pytest.raises(NetworkError, match=f"expected {wrong}, got {Digest.of(b'NGINX')}"):
        run(shelf, tmp_path, "nginx:1")
    assert shelf.fetched.count(wrong) == 2
    shelf.fault = lambda _, c: c
    run(shelf, tmp_path, "nginx:1")


def test_an_older_bundle_saves_the_network(shelf: Shelf, tmp_path: Path) -> None:
    old = run(shelf, tmp_path, "nginx:1", "quay.io/org/app:1").path.rename(tmp_path / "old.tar")
    shelf.image(b"base", b"new", name="new:1")
    shelf.fetched.clear()
    with Bundle.open(old) as bundle:
        result = run(shelf, tmp_path, "nginx:1", "quay.io/org/app:1", "new:1", reuse=bundle)
    fetched = set(shelf.fetched)
    assert fetched <= {Digest.of(b"new"), *(d for d in fetched if d not in _blobs(old))}
    assert Digest.of(b"base") not in fetched
    assert result.fetched == len(b"new")


def _blobs(path: Path) -> set[Digest]:
    with Bundle.open(path) as bundle:
        return {blob.digest for image in bundle.images for blob in image.blobs}


def test_two_contents_for_one_tag_are_refused(shelf: Shelf, tmp_path: Path) -> None:
    other = described(shelf.image(b"other"))
    name = f"nginx:1@{other.digest}"
    shelf.roots[name] = other
    with pytest.raises(InputError, match="different images with one name and tag"):
        run(shelf, tmp_path, "nginx:1", name)


def test_an_image_for_another_platform_alone_is_told(shelf: Shelf, tmp_path: Path) -> None:
    shelf.image(b"arm", architecture="arm64", name="arm:1")
    listener = Listener()
    pack_from(shelf, tmp_path, "arm:1", listener=listener)
    assert listener.warnings == ["arm:1 is for linux/arm64 alone, not for linux/amd64"]
    assert "arm:1 is complete" in listener.notes


def test_the_date_comes_from_outside_alone(shelf: Shelf, tmp_path: Path) -> None:
    for created, text in ((None, None), (0, "1970-01-01T00:00:00Z")):
        with Bundle.open(run(shelf, tmp_path, "nginx:1", created=created).path) as bundle:
            assert bundle.table.created == text


def test_a_layer_outside_the_registry(shelf: Shelf, tmp_path: Path) -> None:
    shelf.image(b"base", b"foreign", name="win:1")
    digest = Digest.of(b"foreign")
    del shelf.content[digest]
    body = shelf.content[shelf.roots["win:1"].digest]
    entry = f'"digest": "{digest}"'.encode()
    body = body.replace(entry, entry + b', "urls": ["https://example.org/layer"]')
    shelf.put(json.loads(body), "win:1")
    with pytest.raises(InputError, match=f"win:1: its layer {digest} lives outside") as caught:
        run(shelf, tmp_path, "win:1")
    assert "--allow-foreign" in caught.value.hint
    result = run(shelf, tmp_path, "win:1", allow_foreign=True)
    with Bundle.open(result.path) as bundle:
        bundle.verify()
        assert digest not in bundle
        assert bundle.table.images[0].absent == {digest}


def test_docker_hub_s_limit_is_told_beforehand(shelf: Shelf, tmp_path: Path) -> None:
    names = [f"app{n}:1" for n in range(12)]
    for name in names:
        shelf.image(b"base", name=name)
    shelf.budget = (5, 21600)
    listener = Listener()
    pack_from(shelf, tmp_path, *names, listener=listener)
    assert "allows 5 more pulls in 6 h and 12 are needed" in listener.warnings[0]
    shelf.budget = (100, 21600)
    listener.warnings.clear()
    pack_from(shelf, tmp_path, *names, listener=listener)
    assert listener.warnings == []


def test_an_image_under_another_name(shelf: Shelf, tmp_path: Path) -> None:
    with Bundle.open(run(shelf, tmp_path, "quay.io/org/app:1 as shop:2").path) as bundle:
        assert [image.reference.familiar for image in bundle.images] == ["shop:2"]
        assert Digest.of(b"app amd") in bundle


def test_platforms_of_one_line(shelf: Shelf, tmp_path: Path) -> None:
    result = run(shelf, tmp_path, "nginx:1", "--platform linux/arm64 quay.io/org/app:1")
    with Bundle.open(result.path) as bundle:
        bundle.verify()
        assert Digest.of(b"app arm") in bundle
        assert Digest.of(b"app amd") not in bundle
        assert [str(p) for p in bundle.images[1].platforms] == ["linux/arm64"]
        assert [str(p) for p in bundle.table.platforms] == ["linux/amd64"]


def test_a_list_that_no_table_holds_is_refused_before_anything_is_asked(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airgap.bundle.plan.MAX_TABLE", 300)
    with pytest.raises(TooLarge, match="2 images need"):
        run(shelf, tmp_path, "nginx:1", "quay.io/org/app:1")
    assert shelf.resolved == []


def test_the_look_up_ends_where_the_tables_are_full(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"app{number}:1" for number in range(100)]
    for name in names:
        shelf.image(name.encode(), name=name)
    monkeypatch.setattr("airgap.bundle.format.MAX_MEMBERS", 30)
    with pytest.raises(TooLarge, match="more than 30 manifests and blobs"):
        run(shelf, tmp_path, *names, keep_going=True)
    assert len(shelf.resolved) < 30, "each image has three members"
    assert list(tmp_path.iterdir()) == []


def test_what_many_names_lead_to_is_walked_once(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks, asked, configs = list[str](), list[str](), list[str]()
    walk, manifest, fetch = lookup.walk, shelf.manifest, shelf.fetch
    monkeypatch.setattr(lookup, "walk", lambda *a: walks.append(str(a[0])) or walk(*a))
    shelf.manifest = lambda r, d: asked.append(str(d.digest)) or manifest(r, d)  # type: ignore
    shelf.fetch = lambda r, *a: configs.append(str(r)) or fetch(r, *a)  # type: ignore
    names = [f"quay.io/org{n % 7}/app:{n}" for n in range(500)]
    for name in names:
        shelf.roots[name] = shelf.roots["quay.io/org/app:1"]
    lines = [*names, *(f"--platform linux/arm64 quay.io/other/app:{n}" for n in range(100))]
    for line in lines[len(names) :]:
        shelf.roots[line.rpartition(" ")[2]] = shelf.roots["quay.io/org/app:1"]
    result = run(shelf, tmp_path, *lines)
    assert len(walks) == 2
    assert len(asked) == len(set(asked)) == 2
    assert len(configs) == 5  # each blob once: two images, and the layer that they share
    assert [str(image.reference) for image in result.images] == [x.split(" ")[-1] for x in lines]
    assert {str(p) for i in result.images[len(names) :] for p in i.platforms} == {"linux/arm64"}


def test_what_many_names_lead_to_and_lacks_something_fails_each_by_its_name(
    shelf: Shelf, tmp_path: Path
) -> None:
    names = [f"quay.io/org/app:{n}" for n in range(2, 20)]
    for name in names:
        shelf.roots[name] = shelf.roots["quay.io/org/app:1"]
    lines = [f"--platform linux/s390x {name}" for name in names]
    result = pack_from(shelf, tmp_path, "nginx:1", *lines, keep_going=True)
    assert [str(reference) for reference in result.failed] == names
    assert all(r.familiar in error.message for r, error in result.failed.items())
