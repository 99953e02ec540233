import hashlib
import os

import pytest

from airgap.bundle import tar
from airgap.bundle.members import Members
from airgap.errors import InputError

BODY = bytes(range(256)) * 600
NEXT = b"what follows"


@pytest.fixture
def members(tmp_path):
    path = tmp_path / "file"
    first, second = tar.place([("a", len(BODY)), ("b", len(NEXT))])
    path.write_bytes(bytes(first.at) + BODY + bytes(second.at - first.end) + NEXT)
    fd = os.open(path, os.O_RDONLY)
    sums = {"a": hashlib.sha256(BODY).hexdigest(), "b": "0" * 64}
    yield Members(fd, path, {"a": first, "b": second}, sums)
    os.close(fd)


def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1000, 65536, len(BODY)])
def test_a_member_is_compared_piece_by_piece(members, size):
    assert members.equal("a", pieces(BODY, size))


@pytest.mark.parametrize("other", [BODY[:-1], BODY + b"\0", b"", BODY[:-1] + b"x", b"x" + BODY[1:]])
def test_any_difference_is_seen(members, other):
    assert not members.equal("a", pieces(other, 1000))


def test_nothing_is_made_beyond_the_first_difference(members):
    made = []

    def endless():
        while True:
            made.append(1)
            yield b"x" * 70_000

    assert not members.equal("a", endless())
    assert len(made) == 1


def test_one_that_is_not_what_the_sums_say_is_damaged(members):
    for expected in (NEXT, b"other"):
        with pytest.raises(InputError, match="b is not what SHA256SUMS says"):
            members.equal("b", [expected])
