"""Signatures, exchanged with the minisign program."""

import subprocess

import pytest

from airgap.bundle.reader import Bundle
from airgap.bundle.signing import sign_bundle
from airgap.errors import TrustError
from airgap.signatures.minisign import PublicKey
from airgap.signatures.secret_key import SecretKey
from tests.support.minisign import minisign, needs_minisign

from .made import sample, write


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.tar"
    write(sample(), path)
    return path


@pytest.fixture
def key():
    return SecretKey.generate()


def test_signed_in_place(bundle, key):
    size = bundle.stat().st_size
    assert sign_bundle(bundle, key, "bundle:test") == bundle
    assert bundle.stat().st_size == size
    with Bundle.open(bundle, [key.public]) as opened:
        assert [proof.comment for proof in opened.proofs] == ["bundle:test"]
        assert opened.signer == key.public.name
        opened.verify()


def test_a_second_signer_signs_beside(bundle, key):
    other = SecretKey.generate()
    sign_bundle(bundle, key, "first")
    beside = sign_bundle(bundle, other, "second")
    assert beside.name == f"bundle.tar.{other.public.name}.minisig"
    for trusted, comment in ((key, "first"), (other, "second")):
        with Bundle.open(bundle, [trusted.public]) as opened:
            assert [proof.comment for proof in opened.proofs] == [comment]


def test_unsigned_is_refused_where_a_key_is_trusted(bundle, key, monkeypatch):
    monkeypatch.setattr("airgap.oci.strictjson.loads", None)  # parsing would raise TypeError
    with pytest.raises(TrustError, match=f"signed by no key; trusted is {key.public.name}"):
        Bundle.open(bundle, [key.public])
    with pytest.raises(TrustError, match="no key is trusted"):
        Bundle.open(bundle, require_signature=True)


def test_another_key_is_named(bundle, key):
    other = SecretKey.generate()
    sign_bundle(bundle, other, "x")
    with pytest.raises(TrustError, match=f"by {other.public.name}; trusted is {key.public.name}"):
        Bundle.open(bundle, [key.public])


def alter(bundle, change):
    with Bundle.open(bundle) as opened:
        member = opened.members()[1]
    data = bytearray(bundle.read_bytes())
    zone = bytes(data[member.at : member.end])
    data[member.at : member.end] = change(zone.rstrip(b"\n")).ljust(4096, b"\n")
    bundle.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda z: z.replace(b"bundle:test", b"bundle:best"), "does not hold"),
        (lambda z: b"x" * 4096, "not a minisign signature"),
        (lambda z: z + b"\nmore", "not a minisign signature"),
        (lambda z: z.replace(b"\nRU", b"\nRW"), "legacy"),
    ],
)
def test_altered_signatures(bundle, key, change, message):
    sign_bundle(bundle, key, "bundle:test")
    alter(bundle, change)
    with pytest.raises(TrustError, match=message):
        Bundle.open(bundle, [key.public])


def test_same_id_with_another_key(bundle, key):
    sign_bundle(bundle, key, "x")
    impostor = PublicKey(key.id, SecretKey.generate().public.key)
    with pytest.raises(TrustError, match="does not hold"):
        Bundle.open(bundle, [impostor])


def test_the_signature_of_another_bundle(bundle, key, tmp_path):
    other = tmp_path / "other.tar"
    write(sample(), other, name="other")
    sign_bundle(other, key, "x")
    with Bundle.open(other) as opened:
        zone = opened.member("SHA256SUMS.minisig")
    alter(bundle, lambda _: zone.rstrip(b"\n"))
    with pytest.raises(TrustError, match="does not hold"):
        Bundle.open(bundle, [key.public])


@needs_minisign
def test_minisign_verifies_ours(bundle, key, tmp_path):
    sign_bundle(bundle, key, "from airgap")
    (tmp_path / "key.pub").write_bytes(key.public.to_bytes())
    subprocess.run(
        ["tar", "xf", str(bundle), "SHA256SUMS", "SHA256SUMS.minisig"], cwd=tmp_path, check=True
    )
    minisign("-Vm", "SHA256SUMS", "-P", str(key.public), cwd=tmp_path)
    minisign("-Vm", "SHA256SUMS", "-p", "key.pub", cwd=tmp_path)
