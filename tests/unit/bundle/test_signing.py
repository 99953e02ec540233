"""Signatures, exchanged with the minisign program."""

import shutil
import subprocess

import pytest

from airgap.bundle.reader import Bundle
from airgap.bundle.signing import PublicKey, SecretKey, Signature, sign_bundle, verify
from airgap.errors import InputError, TrustError

from .made import sample, write

needs_minisign = pytest.mark.skipif(
    not shutil.which("minisign"), reason="minisign is not installed"
)


def minisign(*arguments, cwd, text=""):
    subprocess.run(
        ["minisign", *arguments], cwd=cwd, check=True, capture_output=True, input=text.encode()
    )


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


def test_a_comment_of_two_lines(key):
    with pytest.raises(InputError, match="one line"):
        key.sign(b"", "two\nlines")


@pytest.mark.parametrize("text", ["", "x", "RWQ=", "untrusted comment: x\nRWQ=\n\n\n"])
def test_what_is_no_public_key(text):
    with pytest.raises(TrustError, match="not a minisign public key"):
        PublicKey.parse(text)


def test_passwords(key):
    data = key.to_bytes("secret", operations=32768)
    assert SecretKey.is_encrypted(data)
    assert SecretKey.parse(data, "secret") == key
    with pytest.raises(TrustError, match="password"):
        SecretKey.parse(data, "wrong")
    assert not SecretKey.is_encrypted(key.to_bytes())
    assert repr(key) == f"SecretKey({key.public.name})"


@needs_minisign
def test_minisign_verifies_ours(bundle, key, tmp_path):
    sign_bundle(bundle, key, "from airgap")
    (tmp_path / "key.pub").write_bytes(key.public.to_bytes())
    subprocess.run(
        ["tar", "xf", str(bundle), "SHA256SUMS", "SHA256SUMS.minisig"], cwd=tmp_path, check=True
    )
    minisign("-Vm", "SHA256SUMS", "-P", str(key.public), cwd=tmp_path)
    minisign("-Vm", "SHA256SUMS", "-p", "key.pub", cwd=tmp_path)


@needs_minisign
def test_we_verify_what_minisign_signs(tmp_path):
    minisign("-G", "-W", "-p", "m.pub", "-s", "m.key", cwd=tmp_path)
    (tmp_path / "file").write_bytes(b"message")
    minisign("-S", "-H", "-s", "m.key", "-m", "file", "-t", "said", cwd=tmp_path)
    public = PublicKey.load(str(tmp_path / "m.pub"))
    signature = Signature.parse((tmp_path / "file.minisig").read_bytes(), "file.minisig")
    assert [p.comment for p in verify(b"message", [signature], [public])] == ["said"]
    assert SecretKey.load(tmp_path / "m.key").public == public


@needs_minisign
def test_minisign_signs_with_our_key(tmp_path, key):
    (tmp_path / "file").write_bytes(b"message")
    (tmp_path / "ours.key").write_bytes(key.to_bytes("pw", operations=1 << 20))
    minisign("-S", "-s", "ours.key", "-m", "file", cwd=tmp_path, text="pw\n")
    minisign("-Vm", "file", "-P", str(key.public), cwd=tmp_path)


@needs_minisign
def test_we_open_a_key_that_minisign_encrypted(tmp_path):
    minisign("-G", "-p", "e.pub", "-s", "e.key", cwd=tmp_path, text="pw\npw\n")
    opened = SecretKey.load(tmp_path / "e.key", "pw")
    assert opened.public == PublicKey.load(str(tmp_path / "e.pub"))
