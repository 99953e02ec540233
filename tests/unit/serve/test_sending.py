import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.serve.answer import Part
from airgap.serve.line import PIECE, Line
from airgap.serve.sending import Sender
from airgap.sources.layout import Layout
from airgap.transfer.ports import Place
from tests.support.images import Maker

SIZE = 3 * PIECE + 17


class Drain:
    """A line that keeps what is written to it, and how."""

    def __init__(self, *, plain: bool) -> None:
        self.is_plain = plain
        self.got = bytearray()
        self.how: list[str] = []

    def write(self, data: bytes, *, more: bool = False) -> None:
        self.how.append("more" if more else "write")
        self.got += data

    def write_file(self, fd: int, at: int, count: int) -> int:
        self.how.append("file")
        self.got += os.pread(fd, count, at)
        return count


class Within:
    """A store whose blobs lie somewhere within a file, as in a bundle."""

    def __init__(self, path: Path, at: int) -> None:
        self.path, self.at = path, at

    @contextmanager
    def place(self, blob: Descriptor) -> Iterator[Place]:
        with self.path.open("rb") as file:
            yield Place(file.fileno(), self.at)


@pytest.fixture
def blob(tmp_path: Path) -> tuple[Layout, Descriptor, bytes]:
    maker = Maker(tmp_path / "layout")
    content = maker.bytes(SIZE)
    maker.image(content, name="docker.io/library/nginx:1")
    layout = maker.layout()
    found = max(layout.images[0].blobs, key=lambda b: b.size)
    return layout, found, content


def sent(sender: Sender, part: Part, *, plain: bool = True) -> Drain:
    drain = Drain(plain=plain)
    sender.send(cast("Line", drain), b"HEAD", part)
    return drain


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count what is read into memory: preadv alone does that here."""
    read: list[int] = []
    preadv = os.preadv

    def counted(fd: int, buffers: Any, at: int) -> int:
        got = preadv(fd, buffers, at)
        read.append(got)
        return got

    monkeypatch.setattr(os, "preadv", counted)
    return read


def test_a_blob_is_proved_once_and_then_left_to_the_kernel(
    blob: tuple[Layout, Descriptor, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, found, content = blob
    read, sender, whole = hashed(monkeypatch), Sender(layout), Part(found, 0, SIZE)
    first = sent(sender, whole)
    assert (bytes(first.got), first.how) == (b"HEAD" + content, ["write"] * 4)
    assert sum(read) == SIZE
    second = sent(sender, whole)
    assert (bytes(second.got), second.how) == (b"HEAD" + content, ["more", "file"])
    assert sum(read) == SIZE
    secret = sent(sender, whole, plain=False)
    assert (bytes(secret.got), secret.how) == (b"HEAD" + content, ["write"] * 4)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("start", "length"), [(0, 10), (SIZE - 1, 1), (5, PIECE), (1, SIZE - 1), (PIECE, 2 * PIECE)]
)
def test_a_part_reads_only_what_it_sends(
    blob: tuple[Layout, Descriptor, bytes],
    start: int,
    length: int,
    plain: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layout, found, content = blob
    read = hashed(monkeypatch)
    got = sent(Sender(layout), Part(found, start, length), plain=plain)
    assert bytes(got.got) == b"HEAD" + content[start : start + length]
    assert sum(read) in (0, length)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("at", [0, 1, 512])
def test_a_blob_within_a_file(
    blob: tuple[Layout, Descriptor, bytes], at: int, plain: bool, tmp_path: Path
) -> None:
    _, found, content = blob
    path = tmp_path / "bundle"
    path.write_bytes(b"x" * at + content + b"y" * 100)
    sender = Sender(Within(path, at))  # type: ignore[arg-type]
    for _ in range(2):
        assert bytes(sent(sender, Part(found, 0, SIZE), plain=plain).got) == b"HEAD" + content
    assert bytes(sent(sender, Part(found, 7, 100_000), plain=plain).got) == (
        b"HEAD" + content[7 : 100_007]
    )  # fmt: skip


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("at", [0, PIECE, SIZE - 1])
def test_a_wrong_blob_is_never_complete_before_or_after_it_was_proved(
    blob: tuple[Layout, Descriptor, bytes], at: int, plain: bool
) -> None:
    layout, found, content = blob
    sender, whole = Sender(layout), Part(found, 0, SIZE)
    sent(sender, whole, plain=plain)
    file = layout.path / "blobs/sha256" / found.digest.hex
    altered = bytearray(content)
    altered[at] ^= 1
    file.write_bytes(altered)
    for _ in range(2):
        drain = Drain(plain=plain)
        with pytest.raises(InputError, match=str(found.digest)):
            sender.send(cast("Line", drain), b"HEAD", whole)
        assert len(drain.got) < 4 + SIZE


def test_a_wrong_small_blob_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "layout")
    maker.image(b"small", name="docker.io/library/nginx:1")
    layout = maker.layout()
    found = next(b for b in layout.images[0].blobs if b.size == 5)
    (layout.path / "blobs/sha256" / found.digest.hex).write_bytes(b"other")
    drain = Drain(plain=True)
    with pytest.raises(InputError):
        Sender(layout).send(cast("Line", drain), b"HEAD", Part(found, 0, 5))
    assert drain.got == b""


def test_a_blob_that_became_shorter_or_is_gone(blob: tuple[Layout, Descriptor, bytes]) -> None:
    layout, found, _ = blob
    sender = Sender(layout)
    with pytest.raises(InputError, match="shorter"):
        sent(sender, Part(replace(found, size=SIZE + 1), 5, SIZE - 4), plain=False)
    (layout.path / "blobs/sha256" / found.digest.hex).unlink()
    with pytest.raises(InputError, match="missing"):
        sent(sender, Part(found, 0, SIZE))


def test_a_blob_without_bytes(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "layout")
    maker.image(b"", name="docker.io/library/nginx:1")
    layout = maker.layout()
    found = next(b for b in layout.images[0].blobs if b.size == 0)
    for _ in range(2):
        got = sent(Sender(layout), Part(found, 0, 0))
        assert (bytes(got.got), got.how) == (b"HEAD", ["write"])
