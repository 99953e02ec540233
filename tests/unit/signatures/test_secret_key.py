"""Secret keys, exchanged with the minisign program."""

import pytest

from airgap.errors import TrustError
from airgap.signatures.minisign import PublicKey
from airgap.signatures.secret_key import SecretKey
from tests.support.minisign import minisign


@pytest.fixture
def key():
    return SecretKey.generate()


def test_passwords(key):
    data = key.to_bytes("secret", operations=32768)
    assert SecretKey.is_encrypted(data)
    assert SecretKey.parse(data, "secret") == key
    with pytest.raises(TrustError, match="password"):
        SecretKey.parse(data, "wrong")
    assert not SecretKey.is_encrypted(key.to_bytes())
    assert repr(key) == f"SecretKey({key.public.name})"


@pytest.mark.needs("minisign")
def test_we_open_a_key_that_minisign_encrypted(tmp_path):
    minisign("-G", "-p", "e.pub", "-s", "e.key", cwd=tmp_path, text="pw\npw\n")
    opened = SecretKey.load(tmp_path / "e.key", "pw")
    assert opened.public == PublicKey.load(str(tmp_path / "e.pub"))
