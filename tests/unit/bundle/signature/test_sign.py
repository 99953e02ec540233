"""Signatures, exchanged with the minisign program."""

import errno
import os
import subprocess

import pytest

from airgap.bundle.reader import Bundle
from airgap.bundle.signature.sign import sign_bundle
from airgap.errors import InputError, ResourceError, TrustError
from airgap.signatures.minisign import PublicKey
from airgap.signatures.secret_key import SecretKey
from tests.support.bundles import sample, write
from tests.support.minisign import minisign


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
    with pytest.raises(TrustError, match=f"not signed, and a signature by {key.public.name}"):
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
        (lambda z: z.replace(b"bundle:test", b"bundle:best"), "is not valid"),
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
    with pytest.raises(TrustError, match="is not valid"):
        Bundle.open(bundle, [impostor])


def test_the_signature_of_another_bundle(bundle, key, tmp_path):
    other = tmp_path / "other.tar"
    write(sample(), other, name="other")
    sign_bundle(other, key, "x")
    with Bundle.open(other) as opened:
        zone = opened.member("SHA256SUMS.minisig")
    alter(bundle, lambda _: zone.rstrip(b"\n"))
    with pytest.raises(TrustError, match="is not valid"):
        Bundle.open(bundle, [key.public])


def test_one_signature_that_holds_is_enough(bundle, key, tmp_path):
    """A file beside an older bundle outlives it."""
    write(sample(), bundle, name="older")
    beside = sign_bundle(bundle, key, "older", detached=True)
    write(sample(), bundle)
    with pytest.raises(TrustError, match=f"{beside.name}: the signature .* is not valid"):
        Bundle.open(bundle, [key.public])
    sign_bundle(bundle, key, "newer")
    with Bundle.open(bundle, [key.public]) as opened:
        assert [proof.comment for proof in opened.proofs] == ["newer"]
        assert [beside.name in said for said in opened.checked.others] == [True]


@pytest.mark.parametrize("junk", [b"", b"junk", b"x" * 10_000, b"\n" * 4096])
def test_a_file_beside_that_is_no_signature(bundle, key, junk):
    sign_bundle(bundle, key, "inside")
    beside = bundle.with_name(f"bundle.tar.{key.public.name}.minisig")
    beside.write_bytes(junk)
    with Bundle.open(bundle, [key.public]) as opened:
        assert len(opened.proofs) == 1
        assert len(opened.checked.others) == (1 if junk.strip() else 0)


def test_a_signature_beside_is_enough_where_the_one_inside_is_broken(bundle, key):
    sign_bundle(bundle, key, "beside", detached=True)
    alter(bundle, lambda _: b"x")
    with Bundle.open(bundle, [key.public]) as opened:
        assert opened.signer == ""
        assert opened.checked.others == ("SHA256SUMS.minisig is not a minisign signature",)
    with pytest.raises(TrustError, match="not a minisign signature"):
        Bundle.open(bundle)


def test_a_signature_beside_with_the_newlines_of_windows(bundle, key):
    beside = sign_bundle(bundle, key, "x", detached=True)
    beside.write_bytes(beside.read_bytes().replace(b"\n", b"\r\n"))
    with Bundle.open(bundle, [key.public]) as opened:
        assert len(opened.proofs) == 1


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "truncated"),
        (lambda data: data + bytes(512), "is padded: 512 zeros follow"),
        (lambda data: data[:-2000] + b"x" + data[-1999:], "altered"),
    ],
)
def test_what_is_signed_is_proved_first(bundle, key, change, message, detached):
    data = change(bundle.read_bytes())
    bundle.write_bytes(data)
    with pytest.raises(InputError, match=message):
        sign_bundle(bundle, key, "x", detached=detached)
    assert bundle.read_bytes() == data
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle.tar"]


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_medium_that_cannot_be_written(bundle, key, monkeypatch, code):
    opened = os.open

    def refusing(path, flags, *arguments, **more):
        if flags & (os.O_RDWR | os.O_WRONLY):
            raise OSError(code, os.strerror(code))
        return opened(path, flags, *arguments, **more)

    monkeypatch.setattr("airgap.bundle.head.os.open", refusing)
    with pytest.raises(ResourceError, match=os.strerror(code)) as caught:
        sign_bundle(bundle, key, "x")
    assert "--detached" in caught.value.hint
    monkeypatch.setattr("airgap.files.outputs.os.open", refusing)
    with pytest.raises(ResourceError, match=os.strerror(code)) as caught:
        sign_bundle(bundle, key, "x", detached=True)
    assert "sign a copy" in caught.value.hint


def test_a_comment_that_cannot_be_in_a_signature(bundle, key):
    for comment, message in (("\udce9", "not UTF-8"), ("a\nb", "one line"), ("x" * 5000, "long")):
        with pytest.raises(InputError, match=message):
            sign_bundle(bundle, key, comment)


@pytest.mark.needs("minisign")
def test_minisign_verifies_ours(bundle, key, tmp_path):
    sign_bundle(bundle, key, "from airgap")
    (tmp_path / "key.pub").write_bytes(key.public.to_bytes())
    subprocess.run(
        ["tar", "xf", str(bundle), "SHA256SUMS", "SHA256SUMS.minisig"], cwd=tmp_path, check=True
    )
    minisign("-Vm", "SHA256SUMS", "-P", str(key.public), cwd=tmp_path)
    minisign("-Vm", "SHA256SUMS", "-p", "key.pub", cwd=tmp_path)
