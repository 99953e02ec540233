"""How large a file may become, asked beforehand."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from airgap.errors import ResourceError
from airgap.files import limits

GIB = 1 << 30


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    found = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield found
    os.close(found)


def test_the_limit_of_the_process(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (GIB, GIB))
    limits.check_size(fd, "b.tar", GIB)
    with pytest.raises(ResourceError, match=f"limit for files is {GIB}") as caught:
        limits.check_size(fd, "b.tar", GIB + 1)
    assert "ulimit -f" in caught.value.hint


@pytest.mark.parametrize(
    ("largest", "size", "fat"), [((4 << 30) - 1, 4 << 30, True), (2 * GIB - 1, 3 * GIB, False)]
)
def test_the_largest_file_of_the_file_system(
    fd: int, monkeypatch: pytest.MonkeyPatch, largest: int, size: int, fat: bool
) -> None:
    """Linux refuses to seek past what the file system takes, as vfat's 4 GiB less one."""

    def seek(_: int, offset: int, __: int) -> int:
        if offset > largest:
            raise OSError(errno.EINVAL, "Invalid argument")
        return offset

    monkeypatch.setattr(os, "lseek", seek)
    limits.check_size(fd, "b.tar", largest)
    with pytest.raises(ResourceError, match=f"b.tar will have {size} bytes") as caught:
        limits.check_size(fd, "b.tar", size)
    assert ("FAT32" in caught.value.message) is fat
    assert "another file system" in caught.value.hint


def test_this_file_system_takes_large_files(fd: int) -> None:
    limits.check_size(fd, "b.tar", 64 * GIB)
    assert os.fstat(fd).st_size == 0


def test_space_counts_what_the_file_has_already(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    os.write(fd, bytes(8192))
    os.fsync(fd)
    owned = os.fstat(fd).st_blocks * 512
    system = SimpleNamespace(f_blocks=10, f_bavail=1, f_frsize=4096)
    monkeypatch.setattr(os, "fstatvfs", lambda _: system)
    limits.check_space(fd, "b.tar", owned + 4096)
    with pytest.raises(ResourceError, match=f"not enough space for b.tar: {owned + 4097} bytes"):
        limits.check_space(fd, "b.tar", owned + 4097)


def test_a_file_system_that_does_not_know_its_space(
    fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = SimpleNamespace(f_blocks=0, f_bavail=0, f_frsize=4096)
    monkeypatch.setattr(os, "fstatvfs", lambda _: unknown)
    limits.check_space(fd, "b.tar", GIB)

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "fstatvfs", refuse)
    limits.check_space(fd, "b.tar", GIB)
