"""Signatures by key pairs, in both of cosign's forms, and what is none."""

import json
from pathlib import Path

import pytest

from airgap.errors import AirgapError, InputError, TrustError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.signatures.cosign import Candidate, ImageKey, command
from tests.support.cosign import KINDS, SIGNED, KeyPair, bundle, payload

IMAGE = Digest.of(b"the image")
OTHER = Digest.of(b"another image")
NAME = Reference.parse("reg.example/app:sha256-x.sig")


def loaded(folder: Path, pair: KeyPair) -> ImageKey:
    path = folder / "image.pub"
    path.write_bytes(pair.pem)
    return ImageKey.load(path)


def holds(key: ImageKey, body: bytes, signature: str | None = None) -> bool:
    blob = Descriptor("application/x", Digest.of(body), len(body))
    return Candidate(NAME, blob, signature).is_by(key, IMAGE, body)


@pytest.mark.parametrize("kind", KINDS)
def test_both_forms_hold_by_each_kind_of_key(tmp_path: Path, kind: str) -> None:
    pair, other = KeyPair(kind), KeyPair(kind)
    key, body = loaded(tmp_path, pair), payload(str(IMAGE))
    assert holds(key, body, pair.sign(body))
    assert not holds(key, body, other.sign(body))
    assert holds(key, bundle(pair, str(IMAGE)))
    assert not holds(key, bundle(other, str(IMAGE)))


def test_a_payload_may_have_the_newer_type_and_no_other(tmp_path: Path) -> None:
    pair = KeyPair()
    key = loaded(tmp_path, pair)
    for kind, counts in ((SIGNED, True), ("atomic container signature", False)):
        body = payload(str(IMAGE), kind)
        assert holds(key, body, pair.sign(body)) is counts


def test_what_is_signed_is_another_image(tmp_path: Path) -> None:
    pair = KeyPair()
    key, body = loaded(tmp_path, pair), payload(str(OTHER))
    assert not holds(key, body, pair.sign(body))
    assert not holds(key, bundle(pair, str(OTHER)))


def test_what_was_altered_does_not_hold(tmp_path: Path) -> None:
    pair = KeyPair()
    key = loaded(tmp_path, pair)
    assert not holds(key, payload(str(IMAGE)), pair.sign(payload(str(OTHER))))
    altered = json.loads(bundle(pair, str(IMAGE)))
    altered["dsseEnvelope"]["signatures"] = [{"sig": pair.sign(b"else")}]
    assert not holds(key, json.dumps(altered).encode())


@pytest.mark.parametrize(
    "predicate", ["https://slsa.dev/provenance/v1", "https://cyclonedx.org/bom"]
)
def test_an_attestation_is_no_signature(tmp_path: Path, predicate: str) -> None:
    pair = KeyPair()
    assert not holds(loaded(tmp_path, pair), bundle(pair, str(IMAGE), predicate))


def test_a_statement_of_another_type_is_no_signature(tmp_path: Path) -> None:
    pair = KeyPair()
    assert not holds(loaded(tmp_path, pair), bundle(pair, str(IMAGE), kind="text/plain"))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"dsseEnvelope": 1}', b'{"dsseEnvelope": {"payload": "!"}}',
        b'{"messageSignature": {"signature": "YQ=="}}', b'{"critical": []}', b"\xff\x00",
        b'{"dsseEnvelope": {"payload": "e30=", "payloadType": 1, "signatures": []}}',
        b'{"dsseEnvelope": {"payload": [], "payloadType": "x", "signatures": {}}}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_bytes_of_any_other_form_are_no_signature(tmp_path: Path, body: bytes) -> None:
    pair = KeyPair()
    key = loaded(tmp_path, pair)
    assert not holds(key, body)
    assert not holds(key, body, pair.sign(body))
    assert not holds(key, body, "no base64")
    assert not holds(key, body, "é")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is no public key"),
        (b"untrusted comment: minisign\nRWQ=\n", "is no public key"),
        (KeyPair("p384").pem, "of another kind"),
        (KeyPair("short").pem, "of another kind"),
    ],
)
def test_other_keys_are_refused(tmp_path: Path, content: bytes, match: str) -> None:
    path = tmp_path / "image.pub"
    path.write_bytes(content)
    with pytest.raises(TrustError, match=match) as caught:
        ImageKey.load(path)
    assert caught.value.hint


def test_a_key_that_is_not_there_or_very_large(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"image\.pub"):
        ImageKey.load(tmp_path / "image.pub")
    (tmp_path / "large.pub").write_bytes(b"x" * (65 << 10))
    with pytest.raises(AirgapError, match="larger than"):
        ImageKey.load(tmp_path / "large.pub")


def test_the_line_for_the_other_side(tmp_path: Path) -> None:
    key = loaded(tmp_path, KeyPair())
    line = command([key], Reference.parse("nginx:1.27"))
    path = tmp_path / "image.pub"
    assert line == (
        f"cosign verify --key {path} --insecure-ignore-tlog=true"
        " REGISTRY/docker.io/library/nginx:1.27"
    )
    with_port = Reference.parse("reg.example:5000/app:1")
    assert command([key], with_port).endswith(" REGISTRY/reg.example_5000/app:1")
    by_digest = Reference.parse(f"quay.io/org/app@{IMAGE}")
    assert command([key], by_digest).endswith(f" REGISTRY/quay.io/org/app@{IMAGE}")
