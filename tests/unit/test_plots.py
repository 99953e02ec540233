"""Pictures of performance: axes have names, no label lies over another, both schemes."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest

from bench import report

REPO = Path(__file__).parents[2]
KEPT = sorted((REPO / "docs/performance").glob("*.svg"))
DRAWN = dict(report._lines(json.loads((REPO / "bench/growth.json").read_text())))
TEXT = re.compile(r'<text x="([\d.]+)" y="([\d.]+)"( text-anchor="(\w+)")?[^>]*>([^<]+)</text>')
LETTER, LINE = 7.0, 14.0
"""How wide a letter and how high a line is at most, in the units of a drawing."""

Box = tuple[float, float, float, float]


def boxes(picture: str) -> list[tuple[str, Box]]:
    """Return each label with its left, top, right and bottom."""
    found = []
    for x, y, _, anchor, text in TEXT.findall(picture):
        width = len(text) * LETTER
        left = float(x) - {"middle": width / 2, "end": width}.get(anchor, 0)
        found.append((text, (left, float(y) - LINE + 3, left + width, float(y) + 3)))
    return found


def meet(one: Box, other: Box) -> bool:
    return (
        one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    )  # fmt: skip


@pytest.mark.parametrize("title", DRAWN)
def test_no_label_lies_over_another_or_over_a_line(title: str) -> None:
    labels = boxes(DRAWN[title])
    assert len(labels) > 8
    assert [(a, b) for (a, at), (b, bt) in combinations(labels, 2) if meet(at, bt)] == []
    (bottom,) = {float(y) for y in re.findall(r"M120 (\d+)H", DRAWN[title])}
    below = [text for text, (_, top, _, _) in labels if top > bottom]
    assert len(below) == len(labels) - 1, "all but the title stand below the axis"


@pytest.mark.parametrize("title", DRAWN)
def test_both_axes_have_names(title: str) -> None:
    key = next(key for key in ("connections", "images") if key in title)
    assert f">{key}</text>" in DRAWN[title]
    assert ">seconds</text>" in DRAWN[title]
    assert "not to scale" in DRAWN[title]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_every_picture_is_read_on_a_light_page_and_on_a_dark_one(path: Path) -> None:
    picture = path.read_text()
    assert "prefers-color-scheme:dark" in picture
    assert 'class="page"' in picture
    assert re.search(r"<title>[^<]*seconds", picture)
    right = max(edge for _, (_, _, edge, _) in boxes(picture))
    assert right <= 760, "a label is cut off"
