"""Signatures, exchanged with the minisign program."""

import pytest

from airgap.errors import InputError, TrustError
from airgap.signatures.minisign import PublicKey, Signature, verify
from airgap.signatures.secret_key import SecretKey
from tests.support.minisign import minisign, needs_minisign


@pytest.fixture
def key():
    return SecretKey.generate()


def test_a_comment_of_two_lines(key):
    with pytest.raises(InputError, match="one line"):
        key.sign(b"", "two\nlines")


@pytest.mark.parametrize("text", ["", "x", "RWQ=", "untrusted comment: x\nRWQ=\n\n\n"])
def test_what_is_no_public_key(text):
    with pytest.raises(TrustError, match="not a minisign public key"):
        PublicKey.parse(text)


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
