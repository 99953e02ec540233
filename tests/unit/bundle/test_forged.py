"""What a forged bundle costs a reader, counted: nothing is more than linear in what was read."""

import os
import random

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import AirgapError, InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import Descriptor
from tests.support.bundles import Content, layer, write
from tests.support.forging import KINDS, Parts


@pytest.fixture(scope="module")
def legal(tmp_path_factory):
    content = Content()
    base = layer(1, 2000)
    for number in range(12):
        content.add(f"example.org/app{number}:1", content.runnable(base, layer(number, 100)))
    path = tmp_path_factory.mktemp("legal") / "b.tar"
    write(content, path)
    return path.read_bytes()


class Cost:
    """Counts bytes that are read and parsed, and descriptors that are made."""

    def __init__(self, monkeypatch):
        self.read = self.parsed = self.described = 0
        self._count(monkeypatch, os, "pread", "read", len)
        self._count(monkeypatch, os, "preadv", "read", lambda count: count)
        loads, from_json = strictjson.loads, Descriptor.from_json.__func__

        def parsing(data, what):
            self.parsed += len(data)
            return loads(data, what)

        def describing(cls, *arguments):
            self.described += 1
            return from_json(cls, *arguments)

        monkeypatch.setattr(strictjson, "loads", parsing)
        monkeypatch.setattr(Descriptor, "from_json", classmethod(describing))

    def _count(self, monkeypatch, module, name, counter, measure):
        function = getattr(module, name)

        def counting(*arguments):
            found = function(*arguments)
            setattr(self, counter, getattr(self, counter) + measure(found))
            return found

        monkeypatch.setattr(module, name, counting)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("seed", range(2))
def test_a_forged_bundle_costs_what_is_read(legal, tmp_path, monkeypatch, kind, seed):
    path = tmp_path / "b.tar"
    data = kind(Parts.of(legal).copy(), random.Random(seed))
    path.write_bytes(data)
    cost = Cost(monkeypatch)
    said = ""
    try:
        Bundle.open(path).close()
    except AirgapError as error:
        said = error.message
    assert "\n" not in said
    assert len(said) < 1000
    assert cost.read <= 2 * len(data)
    assert cost.parsed <= len(data)
    assert cost.described <= len(data) // 40


def test_the_parts_of_a_bundle_make_the_same_bundle(legal, tmp_path):
    assert len(Parts.of(legal).joined()) == len(legal)
    (tmp_path / "b.tar").write_bytes(Parts.of(legal).joined())
    with Bundle.open(tmp_path / "b.tar") as bundle:
        bundle.verify()


def test_files_behind_blobs_are_refused_before_a_manifest_is_read(legal, tmp_path, monkeypatch):
    parts = Parts.of(legal)
    parts.members["airgap/files/late"] = b""
    path = tmp_path / "b.tar"
    path.write_bytes(parts.joined())
    cost = Cost(monkeypatch)
    with pytest.raises(InputError, match="not in the order of a bundle"):
        Bundle.open(path)
    assert cost.described <= len(parts.table["images"])
