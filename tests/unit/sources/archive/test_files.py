import gzip
import os
import tarfile
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.sources.archive import members
from airgap.sources.archive.files import Archive
from tests.support.archives import tar

LONG = "/".join(["folder-with-a-long-name"] * 12) + "/file"


def opened(tmp_path: Path, data: bytes) -> Archive:
    path = tmp_path / "x.tar"
    path.write_bytes(data)
    return Archive(path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_are_read_in_place(tmp_path: Path, form: int, packed: bool) -> None:
    names = ["a", "./b", "deep/c"] + ([LONG] if form != tarfile.USTAR_FORMAT else [])
    data = tar({name: name.encode() * 300 for name in names}, form=form)
    with opened(tmp_path, gzip.compress(data, mtime=0) if packed else data) as archive:
        for name in names:
            clean, content = name.removeprefix("./"), name.encode() * 300
            assert clean in archive
            assert archive.size(clean) == len(content)
            assert archive.read(clean, len(content)) == content
            assert b"".join(map(bytes, archive.chunks(clean, 7, 9))) == content[7:16]
            assert b"".join(map(bytes, archive.chunks(clean, 7, 1 << 20))) == content[7:]
        assert "absent" not in archive
        with pytest.raises(InputError, match=r"x\.tar: a is larger than 5 bytes"):
            archive.read("a", 5)


def test_links_lead_to_members_alone(tmp_path: Path) -> None:
    files = {
        "x/file": b"content",
        "y/link": "../x/file",
        "out": "../../etc/passwd",
        "absolute": "/etc/passwd",
        "loop": "loop",
        "one": "two",
        "two": "one",
        "/etc/shadow": b"",
        "../escape": b"",
    }
    with opened(tmp_path, tar(files)) as archive:
        assert archive.read("y/link", 100) == b"content"
        for name in ("out", "absolute", "loop", "one", "/etc/shadow", "../escape", "etc/shadow"):
            assert name not in archive
            with pytest.raises(InputError, match="is missing"):
                archive.read(name, 100)


def test_what_is_there_twice_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    head = tar({"a": b"1", "b": b"2"})[: 4 * 512]
    with opened(tmp_path, head + tar({"a": b"3"})) as archive:
        assert archive.read("b", 1) == b"2"
        with pytest.raises(InputError, match="'a' is there twice"):
            archive.read("a", 1)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "truncated, or no tar"),
        (b"hello", "truncated, or no tar"),
        (b"x" * 2048, "is no tar"),
        (b"\x28\xb5\x2f\xfd" + bytes(600), "is a zstd file"),
        (b"\xfd7zXZ\0" + bytes(600), "is an xz file"),
        (gzip.compress(b"hello" * 500, mtime=0), "is no tar"),
    ],
)
def test_what_is_no_archive(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(InputError, match=why):
        opened(tmp_path, data)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        Archive(tmp_path / "absent")
    with pytest.raises(InputError, match="is not a file"):
        Archive(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a file"):
        Archive(tmp_path / "pipe")


def test_a_tar_that_is_cut_or_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tar({"a": b"1" * 5000})
    with pytest.raises(InputError, match="is truncated"):
        opened(tmp_path, whole[:2000])
    damaged = bytearray(whole)
    damaged[130] = ord("7")
    with pytest.raises(InputError, match="is no tar"):
        opened(tmp_path, bytes(damaged))
    with pytest.raises(InputError, match="larger than 64 KiB"):
        opened(tmp_path, tar({"n" * 70_000: b""}, form=tarfile.GNU_FORMAT))
    monkeypatch.setattr(members, "_MAX_MEMBERS", 3)
    with pytest.raises(InputError, match="more than 3 members"):
        opened(tmp_path, tar({str(n): b"" for n in range(4)}))


def test_without_its_end(tmp_path: Path) -> None:
    data = tar({"a": b"1"})
    with opened(tmp_path, data[:1024]) as archive:
        assert archive.read("a", 1) == b"1"
