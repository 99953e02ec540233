from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.spec.load import load
from airgap.spec.lock import load_lock, lock_text

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


def test_a_lock_is_sorted_and_is_an_image_list(tmp_path: Path) -> None:
    named = [(Reference.parse("quay.io/b:1"), ONE), (Reference.parse("nginx:1"), TWO)]
    text = lock_text(named)
    assert text == f"docker.io/library/nginx:1@{TWO}\nquay.io/b:1@{ONE}\n"
    path = tmp_path / "images.lock"
    path.write_text(f"# reviewed\n\n{text}")
    assert load_lock(path) == dict(named)
    assert len(load(path).images) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nginx:1\n", r"images\.lock:1: nginx:1 has no digest"),
        (f"a:1@{ONE}\n\nb:b:b@{ONE}\n", r"images\.lock:3: invalid reference"),
        (f"a:1@{ONE}\na:1@{TWO}\n", "a:1 has two digests"),
    ],
)
def test_locks_that_are_none(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "images.lock"
    path.write_text(text)
    with pytest.raises(InputError, match=why):
        load_lock(path)
