"""Some images of many, by a list."""

import pytest

from airgap.errors import InputError
from airgap.oci.reference import Reference
from airgap.transfer.selection import select
from tests.support.bundles import Content


@pytest.fixture(scope="module")
def content() -> Content:
    made = Content()
    for number, name in enumerate(("a:1", "quay.io/org/b:1", "c:1")):
        made.simple(name, number, 10)
    digest = made.images[0].root.digest
    made.add(f"d:1@{digest}", made.images[0].root.to_json())
    return made


def chosen(content: Content, *names: str) -> list[str]:
    found = select(content.images, map(Reference.parse, names), "images.txt")
    return [image.reference.familiar.partition("@")[0] for image in found]


def test_they_come_in_the_order_of_the_bundle_each_once(content: Content) -> None:
    assert chosen(content, "c:1", "a:1", "docker.io/library/c:1") == ["a:1", "c:1"]
    assert chosen(content) == []


def test_a_tag_names_also_what_has_a_digest_beside_it(content: Content) -> None:
    assert chosen(content, "d:1") == ["d:1"]


@pytest.mark.parametrize(("count", "more"), [(1, 0), (20, 0), (21, 1), (500, 480)])
def test_what_is_not_there_is_named_up_to_twenty(content: Content, count: int, more: int) -> None:
    with pytest.raises(InputError) as caught:
        chosen(content, "a:1", *(f"absent:{number}" for number in range(count)))
    first, *lines = caught.value.message.split("\n")
    assert first == "images.txt names what is not in the bundle:"
    assert lines[:1] == ["  absent:0"]
    assert len(lines) == min(count, 20) + bool(more)
    assert (lines[-1] == f"  and {more} more") == bool(more)
    assert "airgap inspect" in caught.value.hint
