import hashlib
from pathlib import Path

import pytest

from airgap.bundle import compare
from airgap.bundle.reader import Bundle
from airgap.errors import InputError
from tests.support.bundles import sample, write
from tests.support.forging import Parts

PATH = Path("b.tar")
LINE = "0" * 64 + "  {}\n"


def test_sums_are_read_line_by_line():
    data = (LINE.format("a") + LINE.format("b c")).encode()
    assert compare.parse_sums(data, PATH) == {"a": "0" * 64, "b c": "0" * 64}
    assert compare.parse_sums(b"", PATH) == {}


@pytest.mark.parametrize(
    "bad",
    [
        LINE.format("a"), "\n", LINE.format("b").upper()[:-4] + "b\n",
        LINE.format("\x85"), LINE.format(""), "F" * 64 + "  b\n", "0" * 64 + " b\n",
    ],
)  # fmt: skip
def test_any_other_line_is_named(bad):
    data = (LINE.format("a") + bad + LINE.format("z")).encode("latin-1")
    with pytest.raises(InputError, match="SHA256SUMS has the line") as caught:
        compare.parse_sums(data, PATH)
    assert len(caught.value.message) < 300


def test_a_line_without_an_end_is_none():
    with pytest.raises(InputError, match="SHA256SUMS has the line"):
        compare.parse_sums(LINE.format("a")[:-1].encode(), PATH)


def test_lines_are_counted(monkeypatch):
    monkeypatch.setattr(compare, "MAX_MEMBERS", 3)
    lines = [LINE.format(n) for n in range(4)]
    compare.parse_sums("".join(lines[:3]).encode(), PATH)
    with pytest.raises(InputError, match="more than 3 members"):
        compare.parse_sums("".join(lines).encode(), PATH)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    path = tmp_path_factory.mktemp("compare") / "b.tar"
    write(sample(), path, extras=[("airgap/README", b"hello")])
    return Parts.of(path.read_bytes())


def refused(parts: Parts, path: Path, data: bytes | None = None) -> str:
    path.write_bytes(data or parts.joined())
    with pytest.raises(InputError) as caught, Bundle.open(path):
        pytest.fail("it was opened")
    return caught.value.message.replace(str(path), "FILE")


def blobs(parts: Parts) -> list[str]:
    return [name for name in parts.members if name.startswith("blobs/")]


def test_a_blob_that_an_image_needs_is_missing(parts: Parts, tmp_path: Path) -> None:
    forged = parts.copy()
    name = blobs(forged)[-1]
    del forged.members[name]
    assert refused(forged, tmp_path / "f") == f"FILE: {name} is missing, which an image needs"


def test_a_blob_that_no_image_needs_is_there(parts: Parts, tmp_path: Path) -> None:
    forged = parts.copy()
    name = f"blobs/sha256/{hashlib.sha256(b'more').hexdigest()}"
    forged.members[name] = b"more"
    assert refused(forged, tmp_path / "f") == f"FILE: {name!r} is there, but no image needs it"


def test_blobs_in_another_order(parts: Parts, tmp_path: Path) -> None:
    forged = parts.copy()
    first = blobs(forged)[0]
    forged.members[first] = forged.members.pop(first)
    words = "FILE: its members are not in the order of a bundle"
    assert refused(forged, tmp_path / "f") == words


def test_the_three_members_that_stand_first_are_in_order(parts: Parts, tmp_path: Path) -> None:
    forged = parts.copy()
    first = next(iter(forged.members))
    forged.members[first] = forged.members.pop(first)
    words = "FILE: its members are not in the order of a bundle"
    assert refused(forged, tmp_path / "f") == words


def test_sums_and_table_name_different_members(parts: Parts, tmp_path: Path) -> None:
    forged = parts.copy()
    forged.listed = [{"name": name, "size": len(body)} for name, body in forged.members.items()]
    forged.listed[-2:] = reversed(forged.listed[-2:])
    said = refused(forged, tmp_path / "f")
    assert said == "FILE: SHA256SUMS and airgap.json name different members"


def test_a_blob_whose_content_is_not_its_name(parts: Parts, tmp_path: Path) -> None:
    forged = parts.copy()
    name = blobs(forged)[-1]
    forged.members[name] = bytes(len(forged.members[name]))
    said = refused(forged, tmp_path / "f")
    assert said == f"FILE: SHA256SUMS says of {name} that it is something else"


def test_a_list_that_shows_other_images(parts: Parts, tmp_path: Path) -> None:
    for door in ("oci-layout", "index.json", "manifest.json"):
        forged = parts.copy()
        forged.members[door] = forged.members[door].replace(b"1", b"2", 1)
        assert refused(forged, tmp_path / "f") == (
            f"FILE: {door} does not show the images of airgap.json"
        )
