"""Reading at an offset: short reads go on, and a file that ends is told with the byte."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.bundle.medium import begin_flush, chunks_at, read_at, write_at
from airgap.errors import InputError, ResourceError

PATH = Path("b.tar")


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "f").write_bytes(b"0123456789")
    found = os.open(tmp_path / "f", os.O_RDWR)
    yield found
    os.close(found)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A medium that gives and takes two bytes at a time, as it may."""
    pread, pwrite, preadv = os.pread, os.pwrite, os.preadv
    monkeypatch.setattr(os, "pread", lambda fd, count, at: pread(fd, min(count, 2), at))
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:2], at))
    monkeypatch.setattr(os, "preadv", lambda fd, into, at: preadv(fd, [into[0][:2]], at))


@pytest.mark.usefixtures("short")
def test_what_comes_in_parts_is_whole(fd: int) -> None:
    assert read_at(fd, 5, 3, PATH) == b"34567"
    assert b"".join(map(bytes, chunks_at(fd, 5, 3, PATH))) == b"34567"
    write_at(fd, b"abcde", 3)
    assert read_at(fd, 10, 0, PATH) == b"012abcde89"


def test_a_file_that_ends_is_told_with_the_byte(fd: int) -> None:
    with pytest.raises(InputError, match=r"b\.tar ends at byte 10, before it should") as caught:
        read_at(fd, 5, 8, PATH)
    assert "sha256sum" in caught.value.hint
    with pytest.raises(InputError, match=r"b\.tar became shorter while it was read"):
        list(chunks_at(fd, 5, 8, PATH))
    assert list(chunks_at(fd, 0, 8, PATH)) == []


def test_a_medium_that_cannot_be_read(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", broken)
    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(ResourceError, match=r"cannot read b\.tar: Input/output error"):
        read_at(fd, 1, 0, PATH)
    with pytest.raises(ResourceError, match=r"cannot read b\.tar: Input/output error"):
        next(chunks_at(fd, 1, 0, PATH))


def test_a_flush_that_begins_early_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 100)
    fd = os.open(path, os.O_RDWR)
    begin_flush(fd, 0, 10_000)
    os.close(fd)
    begin_flush(fd, 0, 10_000)  # a refusal is none of anybody's business
    assert path.read_bytes() == bytes(range(256)) * 100
