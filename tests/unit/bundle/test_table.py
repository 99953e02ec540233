import json

import pytest

from airgap.bundle.format import MAX_ABSENT
from airgap.bundle.plan import plan
from airgap.bundle.table import Table
from airgap.errors import InputError
from tests.support.bundles import sample


def altered(**members):
    """Return airgap.json with other members in its first image."""
    value = json.loads(plan(sample().contents()).table.to_bytes())
    value["images"][0] |= members
    return json.dumps(value).encode()


def test_a_table_comes_back():
    table = plan(sample().contents(serial=7)).table
    assert Table.from_bytes(table.to_bytes()) == table


def test_a_name_by_digest_is_that_of_the_digest():
    own = json.loads(altered())["images"][0]["digest"]
    Table.from_bytes(altered(reference=f"example.org/a:1@{own}"))
    with pytest.raises(InputError, match="names another digest than sha256:"):
        Table.from_bytes(altered(reference=f"example.org/a:1@sha256:{'0' * 64}"))


def test_very_many_absent_layers_are_refused():
    digests = [f"sha256:{number:064x}" for number in range(MAX_ABSENT + 1)]
    Table.from_bytes(altered(absent=digests[1:]))
    with pytest.raises(InputError, match="lacks more than 1000 layers"):
        Table.from_bytes(altered(absent=digests))
