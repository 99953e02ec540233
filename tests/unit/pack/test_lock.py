import json

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import InputError
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from tests.support.shelf import Shelf
from tests.unit.pack.conftest import Listener, Pack

NGINX = Reference.parse("nginx:1")


@pytest.fixture
def lock(shelf: Shelf, packed: Pack) -> dict[Reference, Digest]:
    """Lock nginx:1, then let its tag move."""
    locked = dict(packed("nginx:1").digests)
    old = shelf.roots["nginx:1"]
    shelf.image(b"base", b"moved", name="nginx:1")
    shelf.roots[f"nginx:1@{old.digest}"] = old
    return locked


def test_what_is_locked_is_packed_under_its_tag(
    shelf: Shelf, packed: Pack, lock: dict[Reference, Digest]
) -> None:
    listener = Listener()
    result = packed("nginx:1", lock=lock, listener=listener)
    with Bundle.open(result.path) as bundle:
        assert [str(image.reference) for image in bundle.images] == [str(NGINX)]
        assert bundle.images[0].root.digest == lock[NGINX]
        assert Digest.of(b"nginx") in bundle
    now = shelf.roots["nginx:1"].digest
    assert listener.warnings == [f"nginx:1 is {now} now, and {lock[NGINX]} in the lock"]
    assert json.loads(json.dumps(result.to_json()["moved"])) == [
        {"reference": str(NGINX), "locked": str(lock[NGINX]), "now": str(now)}
    ]
    assert result.digests == lock


def test_a_tag_that_did_not_move_costs_one_look(shelf: Shelf, packed: Pack) -> None:
    lock = packed("nginx:1", "quay.io/org/app:1").digests
    shelf.resolved.clear()
    result = packed("nginx:1", "quay.io/org/app:1", lock=lock)
    assert not result.moved
    assert len(shelf.resolved) == 2


def test_a_tag_that_is_gone(shelf: Shelf, packed: Pack, lock: dict[Reference, Digest]) -> None:
    del shelf.roots["nginx:1"]
    result = packed("nginx:1", lock=lock)
    assert result.images[0].root.digest == lock[NGINX]
    assert str(result.moved[0]) == f"nginx:1 is gone, and {lock[NGINX]} in the lock"
    assert result.to_json()["moved"][0]["now"] is None


def test_update_moves_and_takes_up(
    shelf: Shelf, packed: Pack, lock: dict[Reference, Digest]
) -> None:
    result = packed("nginx:1", "quay.io/org/app:1", lock=lock, update=True)
    assert result.images[0].root.digest == shelf.roots["nginx:1"].digest != lock[NGINX]
    assert [moved.reference for moved in result.moved] == [NGINX]
    assert set(result.digests) == {NGINX, Reference.parse("quay.io/org/app:1")}


def test_what_is_not_in_the_lock(packed: Pack, lock: dict[Reference, Digest]) -> None:
    error = packed("quay.io/org/app:1", lock=lock).error
    assert isinstance(error, InputError)
    assert error.message == "quay.io/org/app:1 is not in the lock"
    assert error.hint == "--update takes it up"


def test_what_names_its_digest_needs_no_lock(shelf: Shelf, packed: Pack) -> None:
    root = shelf.roots["nginx:1"]
    shelf.roots[f"nginx@{root.digest}"] = root
    assert packed(f"nginx@{root.digest}", lock={}).digest


def test_what_failed_stays_as_the_lock_has_it(
    shelf: Shelf, packed: Pack, lock: dict[Reference, Digest]
) -> None:
    del shelf.roots["nginx:1"]
    result = packed("nginx:1", "quay.io/org/app:1", lock=lock, update=True, keep_going=True)
    assert result.digests[NGINX] == lock[NGINX]


def test_a_locked_image_under_another_name(
    shelf: Shelf, packed: Pack, lock: dict[Reference, Digest]
) -> None:
    shop = Reference.parse("shop:1")
    result = packed("nginx:1 as shop:1", lock={shop: lock[NGINX]})
    assert result.images[0].root.digest == lock[NGINX]
    assert result.images[0].reference == shop
