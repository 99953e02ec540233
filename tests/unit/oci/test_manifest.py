import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgap.errors import InputError
from airgap.oci import descriptor as d
from airgap.oci import manifest as m
from airgap.oci.digest import Digest

D = {"mediaType": "application/x", "digest": "sha256:" + "a" * 64, "size": 3}
MANIFEST = {"schemaVersion": 2, "mediaType": d.OCI_MANIFEST, "config": D, "layers": [D]}
INDEX = {"schemaVersion": 2, "mediaType": d.OCI_INDEX, "manifests": [D]}


def parse(value: Any, said: str = "") -> m.Manifest | m.Index:
    return m.parse(json.dumps(value).encode(), said, "app")


def test_a_manifest_is_read() -> None:
    found = parse(MANIFEST, d.OCI_MANIFEST)
    assert isinstance(found, m.Manifest)
    assert [blob.size for blob in found.blobs] == [3, 3]
    assert not found.is_image


def test_an_index_is_read_with_its_platforms() -> None:
    child = D | {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}
    found = parse(INDEX | {"manifests": [child]}, d.OCI_INDEX + "; charset=utf-8")
    assert isinstance(found, m.Index)
    assert str(found.children[0].platform) == "linux/arm64/v8"


def test_an_oci_type_may_be_left_out() -> None:
    assert parse({k: v for k, v in INDEX.items() if k != "mediaType"}).media_type == d.OCI_INDEX
    assert parse({k: v for k, v in MANIFEST.items() if k != "mediaType"}, "text/plain")


def test_zero_layers_and_artifacts_are_fine() -> None:
    found = parse(MANIFEST | {"layers": [], "artifactType": "x/y"})
    assert isinstance(found, m.Manifest)
    assert found.layers == ()


@pytest.mark.parametrize("without", [{"layers": None}, {}])
def test_null_and_absent_lists_are_empty(without: dict[str, None]) -> None:
    plain = {"schemaVersion": 2, "mediaType": d.OCI_MANIFEST, "config": D}
    found = parse(plain | without | {"manifests": None})
    assert isinstance(found, m.Manifest)
    assert found.layers == ()
    lists = {"manifests": None} if without else {}
    found = parse({"schemaVersion": 2, "mediaType": d.OCI_INDEX, "config": None} | lists)
    assert isinstance(found, m.Index)
    assert found.children == ()


def test_what_it_is_attached_to_and_its_type_are_kept() -> None:
    for value in (MANIFEST, INDEX):
        found = parse(value | {"subject": D, "artifactType": "x/y"})
        assert found.subject is not None
        assert found.subject.size == 3
        assert found.artifact_type == "x/y"
        assert parse(value | {"subject": {"size": -1}, "artifactType": 7}).subject is None
    child = D | {"artifactType": "x/sbom", "platform": {}}
    found = parse(INDEX | {"manifests": [child]})
    assert isinstance(found, m.Index)
    assert found.children[0].artifact_type == "x/sbom"
    assert found.children[0].platform is None


def test_a_manifest_that_many_images_share_is_read_once() -> None:
    body = json.dumps(MANIFEST).encode()
    loaded = []

    def load(found: d.Descriptor) -> bytes:
        loaded.append(found)
        return body

    parsed = m.Parsed()
    said = d.Descriptor(d.OCI_MANIFEST, Digest.of(body), len(body))
    assert parsed.of(said, load, "a") is parsed.of(said, load, "b")
    assert len(loaded) == 1
    with pytest.raises(InputError, match="was announced as"):
        parsed.of(d.Descriptor(d.OCI_INDEX, said.digest, said.size), load, "c")


@pytest.mark.parametrize(
    ("value", "said", "why"),
    [
        (MANIFEST | {"manifests": [D]}, "", "both a manifest and an index"),
        (INDEX | {"layers": []}, "", "both a manifest and an index"),
        (MANIFEST, d.OCI_INDEX, "was announced as"),
        (MANIFEST, d.DOCKER_MANIFEST, "was announced as"),
        (MANIFEST | {"mediaType": d.OCI_INDEX}, "", "members are not those"),
        (INDEX | {"mediaType": d.OCI_MANIFEST}, "", "members are not those"),
        (MANIFEST | {"mediaType": "application/json"}, "", "not the type of a manifest"),
        (MANIFEST | {"mediaType": 7}, "", "is no string"),
        ({"schemaVersion": 1, "fsLayers": []}, "", "schema 1"),
        (MANIFEST, "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1"),
        (MANIFEST | {"schemaVersion": 3}, "", "schemaVersion"),
        (MANIFEST | {"schemaVersion": True}, "", "schema"),
        ({"schemaVersion": 2, "layers": []}, "", "no JSON object"),
        (MANIFEST | {"layers": {}}, "", "layers is no list"),
        (MANIFEST | {"layers": [D | {"size": -1}]}, "", "invalid size -1"),
        (MANIFEST | {"layers": [D | {"size": 1 << 63}]}, "", "invalid size"),
        (MANIFEST | {"layers": [D | {"size": 1.5}]}, "", "invalid size"),
        (MANIFEST | {"layers": [D | {"size": "10"}]}, "", "invalid size"),
        (MANIFEST | {"layers": [D | {"size": True}]}, "", "invalid size"),
        (MANIFEST | {"layers": [D | {"digest": "sha256:../x"}]}, "", "invalid digest"),
        (MANIFEST | {"layers": [D | {"mediaType": ""}]}, "", "no media type"),
        (MANIFEST | {"layers": ["x"]}, "", "no JSON object"),
        ([], "", "not a JSON object"),
    ],
)
def test_what_is_refused(value: Any, said: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        parse(value, said)
    assert caught.value.message.startswith("app")


def test_a_manifest_over_4_mib_is_refused() -> None:
    body = json.dumps(MANIFEST | {"annotations": {"a": "x" * (4 << 20)}}).encode()
    with pytest.raises(InputError, match="manifest larger than 4 MiB"):
        m.parse(body, "", "app")


def test_describe_takes_digest_and_size_from_the_bytes() -> None:
    body = json.dumps(MANIFEST).encode()
    found = m.describe(body, "", "app")
    assert (found.digest, found.size, found.media_type) == (
        Digest.of(body),
        len(body),
        d.OCI_MANIFEST,
    )


def test_foreign_layers_are_known() -> None:
    with_urls = d.Descriptor.from_json(D | {"urls": ["https://x/y"]}, "app")
    by_type = d.Descriptor.from_json(D | {"mediaType": "application/vnd.x.foreign.tar"}, "app")
    assert with_urls.is_foreign
    assert by_type.is_foreign
    assert not d.Descriptor.from_json(D, "app").is_foreign


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_one_line(data: bytes) -> None:
    said = ""
    try:
        m.parse(data, "", "app")
    except InputError as error:
        said = error.message
    assert "\n" not in said


def test_an_index_that_lists_one_manifest_very_often_is_refused() -> None:
    child = {"mediaType": d.OCI_MANIFEST, "digest": f"sha256:{'0' * 64}", "size": 2}
    for count in (100, 101):
        body = json.dumps({"schemaVersion": 2, "manifests": [child] * count}).encode()
        if count == 100:
            assert len(m.parse(body, "", "x").by_digest) == 1
        else:
            with pytest.raises(InputError, match="its index lists one manifest 101 times"):
                m.parse(body, "", "x")
