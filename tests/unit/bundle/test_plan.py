import json

import pytest

from airgap.bundle import plan as module
from airgap.bundle.format import TooLarge, check_count
from airgap.bundle.indexes import derive
from airgap.bundle.plan import check_room, plan
from airgap.oci import strictjson
from airgap.oci.reference import Reference
from tests.support.bundles import sample


def test_the_doors_are_written_as_all_json_is():
    content = sample()
    planned = plan(content.contents())
    derived = derive(planned.table, lambda d: content.bodies[d.digest])
    for written in (derived.index_json(), derived.manifest_json()):
        data = b"".join(written)
        assert data == strictjson.dumps(json.loads(data))
    assert b"".join(derived.index_json()) == planned.contents["index.json"]


def test_a_list_without_a_place_in_the_table_is_refused_before_the_look_up():
    references = [Reference("docker.io", f"library/a{n}", "1") for n in range(400_000)]
    check_room(references[:10_000])
    with pytest.raises(TooLarge, match=r"400000 images need 8[0-9]{7} bytes") as caught:
        check_room(references)
    assert caught.value.exit_code == 3
    assert "divide the list" in caught.value.hint


def test_the_least_is_not_more_than_is_needed():
    content = sample()
    table = plan(content.contents()).table
    needed = [
        len(strictjson.dumps(entry.to_json())) - len(str(entry.reference)) for entry in table.images
    ]
    assert min(needed) > module._LEAST_ENTRY


def test_tables_that_grew_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_TABLE", 500)
    with pytest.raises(TooLarge, match=r"airgap\.json would have [0-9]+ bytes, and may have 500"):
        plan(sample().contents())


def test_members_are_counted():
    check_count(400_000)
    with pytest.raises(TooLarge, match="more than 400000 manifests and blobs"):
        check_count(400_001)
