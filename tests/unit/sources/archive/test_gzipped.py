import gzip
import os
import random
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.sources.archive import gzipped
from airgap.sources.archive.gzipped import Gzipped
from airgap.sources.archive.medium import open_regular
from tests.support import archives

_RANDOM = random.Random(1)
CONTENT = b"".join(_RANDOM.randbytes(5000) + bytes(5000) for _ in range(300))


def opened(tmp_path: Path, data: bytes) -> Gzipped:
    path = tmp_path / "x.gz"
    path.write_bytes(data)
    fd, size = open_regular(path)
    return Gzipped(fd, path, size)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let snapshots be made, and dropped, also of a small file."""
    monkeypatch.setattr(gzipped, "_SPACING", 1 << 16)
    monkeypatch.setattr(gzipped, "_MOST_SNAPSHOTS", 8)


@pytest.mark.parametrize("parts", [1, 3])
def test_any_part_at_any_time(tmp_path: Path, parts: int) -> None:
    step = len(CONTENT) // parts
    data = b"".join(gzip.compress(CONTENT[at : at + step]) for at in range(0, len(CONTENT), step))
    medium = opened(tmp_path, data + bytes(512))
    assert medium.cursor(0).read(len(CONTENT) + 1) == CONTENT
    assert 1 < len(medium._snapshots) <= 8
    random.seed(2)
    for _ in range(30):
        at, count = random.randrange(len(CONTENT)), random.randrange(20_000)
        assert medium.cursor(at).read(count) == CONTENT[at : at + count]
    cursor = medium.cursor(10)
    cursor.skip(100)
    assert cursor.read(5) == CONTENT[110:115]


def test_a_later_read_does_not_begin_at_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    medium = opened(tmp_path, gzip.compress(CONTENT))
    medium.cursor(0).skip(len(CONTENT))
    read: list[int] = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, n, at: read.append(at) or pread(fd, n, at))
    medium.cursor(len(CONTENT) - 10).read(10)
    assert min(read) > medium.path.stat().st_size / 2


@pytest.mark.parametrize("cut", [1, 9, 1000])
def test_a_file_that_is_cut(tmp_path: Path, cut: int) -> None:
    medium = opened(tmp_path, gzip.compress(CONTENT)[:-cut])
    with pytest.raises(InputError, match="is truncated"):
        medium.cursor(0).skip(len(CONTENT) + 1)


def test_a_file_that_is_damaged(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(CONTENT))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(InputError, match="is damaged"):
        opened(tmp_path, bytes(data)).cursor(0).skip(len(CONTENT) + 1)
    with pytest.raises(InputError, match="is damaged"):
        opened(tmp_path, gzip.compress(CONTENT) + b"rest").cursor(0).skip(len(CONTENT) + 1)


def test_a_bomb_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzipped, "_FREE", 1 << 20)
    medium = opened(tmp_path, archives.zeros(64))
    with pytest.raises(InputError, match="expands to more than 200 times its size") as caught:
        medium.cursor(0).skip(64 << 20)
    assert "gunzip" in caught.value.hint
