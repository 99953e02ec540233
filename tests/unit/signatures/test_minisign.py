"""Signatures, exchanged with the minisign program."""

import pytest

from airgap.errors import InputError, TrustError
from airgap.signatures.minisign import PublicKey, Signature, check
from airgap.signatures.secret_key import SecretKey
from tests.support.minisign import minisign


@pytest.fixture
def key():
    return SecretKey.generate()


@pytest.mark.parametrize("comment", ["two\nlines", "a\rb", "tab\t", "\x1b[1m", "\u202e"])
def test_a_comment_that_is_no_line(key, comment):
    with pytest.raises(InputError, match="not one line of printable text"):
        key.sign(b"", comment)


def test_a_comment_that_is_not_utf_8(key):
    with pytest.raises(InputError, match=r"comment 'caf\\udce9' is not UTF-8"):
        key.sign(b"", b"caf\xe9".decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n\n", b"\r\n\r\n"])
def test_a_signature_with_the_newlines_of_windows(key, end):
    data = key.sign(b"message", "said \u00e9").to_bytes()
    found = Signature.parse(data.rstrip(b"\n").replace(b"\n", b"\r\n") + end, "x")
    assert check(found, key.public, b"message", "x").comment == "said \u00e9"


def test_comments_of_other_programs_may_have_any_bytes(key):
    signature = key.sign(b"message", "")
    raw = b"caf\xe9"
    lines = signature.to_bytes().split(b"\n")
    lines[0] += raw
    assert Signature.parse(b"\n".join(lines), "x") == signature
    lines[2] += raw
    changed = Signature.parse(b"\n".join(lines), "x")
    assert changed.to_bytes().split(b"\n")[2] == lines[2]
    with pytest.raises(TrustError, match=r"^x: the signature .* is not valid"):
        check(changed, key.public, b"message", "x")


@pytest.mark.parametrize("text", ["", "x", "RWQ=", "untrusted comment: x\nRWQ=\n\n\n"])
def test_what_is_no_public_key(text):
    with pytest.raises(TrustError, match="not a minisign public key"):
        PublicKey.parse(text)


@pytest.mark.needs("minisign")
def test_we_verify_what_minisign_signs(tmp_path):
    minisign("-G", "-W", "-p", "m.pub", "-s", "m.key", cwd=tmp_path)
    (tmp_path / "file").write_bytes(b"message")
    minisign("-S", "-H", "-s", "m.key", "-m", "file", "-t", "said", cwd=tmp_path)
    public = PublicKey.load(str(tmp_path / "m.pub"))
    signature = Signature.parse((tmp_path / "file.minisig").read_bytes(), "file.minisig")
    assert check(signature, public, b"message", "file.minisig").comment == "said"
    assert SecretKey.load(tmp_path / "m.key").public == public


@pytest.mark.needs("minisign")
def test_minisign_signs_with_our_key(tmp_path, key):
    (tmp_path / "file").write_bytes(b"message")
    (tmp_path / "ours.key").write_bytes(key.to_bytes("pw", operations=1 << 20))
    minisign("-S", "-s", "ours.key", "-m", "file", cwd=tmp_path, text="pw\n")
    minisign("-Vm", "file", "-P", str(key.public), cwd=tmp_path)
