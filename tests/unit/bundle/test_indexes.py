import json

import pytest

from airgap.bundle import indexes
from airgap.bundle.indexes import derive
from airgap.bundle.table import Entry, Table
from airgap.errors import InputError
from tests.support.bundles import Content
from tests.support.images import CONFIG


def foreign(content, number):
    return content.blob(b"%d" % number) | {"urls": ["https://example.org/layer"]}


def shared(content, absent):
    """Return entries that share one manifest, each without other layers of it."""
    layers = [foreign(content, number) for number in range(6)]
    root = content.artifact(content.blob(b"{}", CONFIG), *layers)
    digests = [blob.digest for blob in content.add("app:0", root).images[0].layers]
    return [
        Entry.of(content.add(f"app:{n}", root), frozenset(digests[i] for i in lacking))
        for n, lacking in enumerate(absent)
    ]


@pytest.mark.parametrize(
    ("absent", "order"),
    [
        ([[]], [0, 1, 2, 3, 4, 5]),
        ([[0, 1, 2], [0, 3]], [3, 4, 5, 1, 2]),
        ([[0, 1, 2], [0, 1, 2], [1], [2]], [3, 4, 5, 0, 2, 1]),
        ([[0], [0], [0]], [1, 2, 3, 4, 5]),
    ],
)
def test_what_an_image_lacks_stands_where_another_one_brings_it(absent, order):
    content = Content()
    table = Table("test", tuple(shared(content, absent)))
    derived = derive(table, lambda d: content.bodies[d.digest])
    layers = derived.blobs[1:]
    assert [int(content.blobs[blob.digest]) for blob in layers] == order


def test_images_that_list_too_much_end_the_walk(monkeypatch):
    monkeypatch.setattr(indexes, "MAX_LISTED", 30)
    content, taken = Content(), []
    entries = (taken.append(entry) or entry for entry in shared(content, [[]] * 100))
    with pytest.raises(InputError, match="name more than 30 blobs"):
        indexes._walk(entries, lambda d: content.bodies[d.digest])
    assert len(taken) == 5, "each lists a config and six layers"


def test_pieces_are_made_as_they_are_asked_for():
    content = Content()
    table = Table("test", tuple(shared(content, [[]] * 50)))
    derived = derive(table, lambda d: content.bodies[d.digest])
    assert len(next(derived.manifest_json())) < 1000
    assert len(json.loads(b"".join(derived.manifest_json()))) == 50
