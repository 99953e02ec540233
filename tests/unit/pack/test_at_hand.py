"""What need not be fetched: a bundle that was named, and the finished one under the same name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.bundle.members import Members
from airgap.errors import InputError, ResourceError
from airgap.oci.digest import Digest
from airgap.pack.at_hand import at_hand
from airgap.pack.result import Result
from airgap.spec.wanted import Place
from tests.support import archives
from tests.support.images import Maker
from tests.support.shelf import Shelf
from tests.unit.pack.conftest import pack_from

ONE, TWO = "nginx:1", "quay.io/org/app:1"


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.image(b"base", b"nginx", name=ONE)
    shelf.image(b"base", b"app", name=TWO)
    return shelf


def run(shelf: Shelf, output: Path, *names: str, named: Path | None = None) -> Result:
    shelf.fetched.clear()
    with at_hand(named, output) as store:
        return pack_from(shelf, output.parent, *names, output=output, reuse=store)


def test_packing_again_fetches_nothing(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    run(shelf, path, ONE)
    whole = path.read_bytes()
    again = run(shelf, path, ONE)
    assert (again.fetched, shelf.fetched) == (0, [])
    assert again.reused > 0
    assert path.read_bytes() == whole


def test_packing_more_fetches_what_is_new(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    run(shelf, path, ONE)
    run(shelf, path, ONE, TWO)
    assert Digest.of(b"app") in shelf.fetched
    assert not {Digest.of(b"base"), Digest.of(b"nginx")} & set(shelf.fetched)


def test_what_is_damaged_is_fetched(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    run(shelf, path, ONE)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"nginx\0", b"NGINX\0"))
    again = run(shelf, path, ONE)
    assert shelf.fetched == [Digest.of(b"nginx")]
    assert again.path.read_bytes() == whole


@pytest.mark.parametrize("content", [b"", b"old", None])
def test_what_is_no_bundle_is_passed_over(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "b.tar"
    if content is not None:
        path.write_bytes(content)
    with at_hand(None, path) as store:
        assert store is None
    with pytest.raises(InputError), at_hand(tmp_path / "none.tar", path):
        pass


def test_a_named_bundle_and_the_finished_one(shelf: Shelf, tmp_path: Path) -> None:
    named, path = tmp_path / "old.tar", tmp_path / "b.tar"
    run(shelf, named, ONE)
    run(shelf, path, TWO)
    again = run(shelf, path, ONE, TWO, named=named)
    assert (again.fetched, shelf.fetched) == (0, [])
    with at_hand(named, path) as store:
        assert store is not None
        assert Digest.of(b"app") in store
        with pytest.raises(InputError, match="is not at hand"):
            store.manifest_bytes(Digest.of(b"other"))


@pytest.mark.parametrize("form", ["oci:made", "oci-archive:made.tar", "bundle:old.tar"])
def test_other_places_have_content_too(shelf: Shelf, tmp_path: Path, form: str) -> None:
    maker = Maker(tmp_path / "made")
    maker.image(b"base", b"app", name=TWO)
    maker.layout()
    (tmp_path / "made.tar").write_bytes(archives.of_folder(tmp_path / "made"))
    run(shelf, tmp_path / "old.tar", TWO)
    transport, _, name = form.partition(":")
    shelf.fetched.clear()
    with at_hand(Place(transport, name, tmp_path), tmp_path / "b.tar") as store:
        found = pack_from(shelf, tmp_path, ONE, TWO, reuse=store)
    assert found.reused > 0
    assert not {Digest.of(b"base"), Digest.of(b"app")} & set(shelf.fetched)
    assert Digest.of(b"nginx") in shelf.fetched
    one = Place(transport, f"{name}:{TWO}", tmp_path)
    with pytest.raises(InputError, match="takes all that"), at_hand(one, tmp_path / "c.tar"):
        pass


def test_layers_of_a_docker_archive_are_at_hand(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(archives.podman())
    place = Place("docker-archive", "a.tar", tmp_path)
    with at_hand(place, tmp_path / "b.tar") as store:
        assert store is not None
        assert all(Digest.of(data) in store for data in archives.layer_tars())


def test_a_medium_that_fails_costs_the_network_only(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.tar"
    run(shelf, path, ONE)
    whole = path.read_bytes()
    opened = at_hand(None, path)
    with opened as store:

        def fails(*_: object) -> Iterator[memoryview]:
            raise ResourceError("cannot read b.tar: Input/output error")
            yield memoryview(b"")

        monkeypatch.setattr(Members, "stream", fails)
        shelf.fetched.clear()
        result = pack_from(shelf, tmp_path, ONE, reuse=store)
    assert result.fetched > 0
    assert path.read_bytes() == whole
