import hashlib

import pytest

from airgap.errors import InputError
from airgap.oci.digest import Digest, shown

HEX = "a" * 64


def test_parse_and_print_are_inverse() -> None:
    assert str(Digest.parse(f"sha256:{HEX}")) == f"sha256:{HEX}"
    assert Digest.parse("sha512:" + "0" * 128).algorithm == "sha512"


def test_digest_of_content_is_sha256() -> None:
    assert Digest.of(b"x").hex == hashlib.sha256(b"x").hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "sha256:../../etc/passwd",
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX}a",
        f"sha256:{HEX.upper()}",
        f"SHA256:{HEX}",
        "md5:" + "a" * 32,
        f"sha256:{HEX[:-1]}\0",
        f"sha256:{HEX[:-1]}\n",
        f"sha256:{HEX[:-1]}٣",
        f"sha256:{HEX}\n",
        "",
        "sha256",
        None,
        7,
        ["sha256"],
    ],
)
def test_all_else_is_refused(text: object) -> None:
    with pytest.raises(InputError, match="invalid digest"):
        Digest.parse(text)


def test_shown_is_one_bounded_ascii_line() -> None:
    text = shown("é\n\x1b[2J" + "x" * 1000)
    assert text.isprintable()
    assert text.startswith(r"'\xe9\n\x1b[2J")
    assert len(text) == 101
