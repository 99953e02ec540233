"""The record of a bundle that landed, as it is written and as it is found again."""

import base64
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from airgap.cluster.objects.landed import FORMER, Landed, hosting, hosts
from airgap.cluster.parameters import Parameters
from airgap.errors import InputError
from airgap.oci.digest import Digest

NAMES = ("docker.io/library/nginx:1.27", "quay.io/org/app:1")
PARAMETERS = Parameters(str(Digest.of(b"node")), str(Digest.of(b"registry")))
LANDED = Landed(
    digest=str(Digest.of(b"bundle")), name="shop", serial=7,
    parameters=PARAMETERS, hosts=("docker.io", "quay.io"), images=2,
    references=NAMES, digests=(str(Digest.of(b"a")), str(Digest.of(b"b"))), signers=("RWQ1",),
)  # fmt: skip


def test_it_is_found_as_it_was_written() -> None:
    record = LANDED.to_object()
    assert Landed.of_object(record) == LANDED
    assert record["metadata"]["name"] == f"airgap-bundle-sha256-{LANDED.digest[7:39]}"
    assert record["metadata"]["labels"]["airgap/record"] == "bundle"
    plain = replace(LANDED, serial=None, digests=(), signers=())
    assert Landed.of_object(plain.to_object()) == plain


def test_a_list_that_does_not_fit_is_left_out_and_the_rest_stays() -> None:
    source = random.Random(1)
    many = tuple(f"h.example/{source.randbytes(100).hex()}:1" for _ in range(8000))
    large = replace(LANDED, references=many, images=8000, digests=())
    record = large.to_object()
    assert "binaryData" not in record
    assert Landed.of_object(record) == replace(large, references=())
    digests = tuple(str(Digest.of(b"%d" % number)) for number in range(13_000))
    short = tuple(f"h.example/{number}:1" for number in range(13_000))
    found = Landed.of_object(replace(LANDED, references=short, digests=digests).to_object())
    assert (found.references, found.digests) == (short, ())
    digests = digests[:12_500]
    found = Landed.of_object(
        replace(LANDED, references=short[:12_500], digests=digests).to_object()
    )
    assert found.digests == digests, "400,000 bytes are as many as may be"


@pytest.mark.parametrize("text", ["", "!", base64.b64encode(b"no zlib").decode(), "AAA"])
def test_lists_that_somebody_broke_are_none(text: str) -> None:
    record = LANDED.to_object()
    record["binaryData"]["references"] = text
    found = Landed.of_object(record)
    assert (found.references, found.digests) == ((), ())
    record = LANDED.to_object()
    record["binaryData"]["digests"] = text
    found = Landed.of_object(record)
    assert (found.references, found.digests) == (NAMES, ())


@pytest.mark.parametrize(
    "data",
    [
        None, {}, {"bundle.json": "x"}, {"bundle.json": "[]"}, {"bundle.json": "{}"},
        {"bundle.json": LANDED.to_object()["data"]["bundle.json"].replace(": 7", ": true")},
        {"bundle.json": LANDED.to_object()["data"]["bundle.json"].replace(": 7", ': "7"')},
    ],
)  # fmt: skip
def test_a_record_that_is_none_is_named(data: Any) -> None:
    record = LANDED.to_object() | {"data": data}
    with pytest.raises(InputError, match=r"airgap-bundle-sha256-.* cannot be read") as caught:
        Landed.of_object(record)
    assert "unpack the bundle again" in caught.value.hint


def test_an_entry_of_releases_before() -> None:
    parameters = PARAMETERS.to_json()
    value = {"name": "shop", "serial": None, "parameters": parameters, "references": list(NAMES)}
    found = Landed.of_entry("sha256-ab-c", json.dumps(value))
    assert (found.digest, found.hosts, found.images) == ("sha256:ab-c", ("docker.io", "quay.io"), 2)
    assert found.references == NAMES
    for text in ("x", "{}", json.dumps(value | {"references": None})):
        with pytest.raises(InputError, match=f"{FORMER}, entry sha256-a, cannot be read"):
            Landed.of_entry("sha256-a", text)


def test_hosts_are_listed_once_in_order() -> None:
    assert hosts(["quay.io/a/b:1", "nginx", "quay.io/c/d:1"]) == ("docker.io", "quay.io")


def test_where_tools_look_for_a_registry() -> None:
    found = hosting("localhost:30443")
    assert (found["metadata"]["namespace"], found["metadata"]["name"]) == (
        "kube-public", "local-registry-hosting",
    )  # fmt: skip
    assert 'host: "localhost:30443"\n' in found["data"]["localRegistryHosting.v1"]
