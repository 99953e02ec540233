from pathlib import Path

import pytest

from airgap.bundle import compare
from airgap.errors import InputError

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
