import hashlib
import os
import stat

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
    os.truncate(path, tar.end([first, second]))
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


@pytest.mark.parametrize("more", [1, 512, 100_000_000])
def test_zeros_after_the_end_are_told_as_padding(members, more):
    end = members.check_size(members.path.stat().st_size)
    os.truncate(members.path, end + more)
    with pytest.raises(InputError, match=f"is padded: {more} zeros follow its end") as caught:
        members.check_size(end + more)
    assert caught.value.hint == f"truncate -s {end} {members.path}"


def test_anything_else_after_the_end_is_damage(members):
    end = members.path.stat().st_size
    with members.path.open("ab") as file:
        file.write(bytes(5000) + b"x")
    with pytest.raises(InputError, match="has 5001 bytes after its end"):
        members.check_size(end + 5001)


def test_of_a_raw_medium_nothing_beyond_the_end_is_read(members, monkeypatch):
    end = members.path.stat().st_size
    with members.path.open("ab") as file:
        file.write(b"what was there before")
    found = os.stat_result((stat.S_IFBLK | 0o600, *members.path.stat()[1:10]))
    monkeypatch.setattr(os, "fstat", lambda fd: found)
    assert members.check_size(end + 21) == end


def test_a_file_that_fat_cut_off(members, monkeypatch):
    monkeypatch.setattr(tar, "end", lambda _: 5 << 30)
    with pytest.raises(InputError, match="truncated: expected 5368709120 bytes") as caught:
        members.check_size((4 << 30) - 1)
    assert "FAT32" in caught.value.hint
