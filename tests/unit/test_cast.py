"""The recorded run: last frame first, again and again, still on request."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cast() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cast", REPO / "scripts/demo.d/cast.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def frames(picture: str, name: str) -> list[tuple[float, str]]:
    (found,) = re.findall(rf"@keyframes {name}\{{(.*)\}}\n", picture)
    return [(float(at), to) for at, to in re.findall(r"([\d.]+)%\{transform:([^}]+)\}", found)]


@pytest.mark.parametrize("count", [3, 28, 60])
def test_the_last_frame_comes_first_and_last(cast: ModuleType, count: int) -> None:
    picture = cast.svg([(n * 0.5, f"line {n}", False) for n in range(count)])
    for name in ("down", "up"):
        moves = frames(picture, name)
        assert moves == sorted(moves, key=lambda move: move[0])
        assert moves[0][1] == moves[-1][1]
        assert (moves[0][0], moves[-1][0]) == (0, 100)
        assert f"transform:{moves[0][1]};animation:{name}" in picture, "who cannot play it sees it"
    assert frames(picture, "down")[-1][1] == f"translateY({count * cast.LINE}px)"
    assert picture.count("step-end infinite") == 2
    assert "prefers-reduced-motion" in picture


def test_lines_are_broken_between_words(cast: ModuleType) -> None:
    first, second = cast.wrapped("  go " + "x" * 90 + " --image=IMAGE, with the usual names")
    assert len(first) <= cast.COLUMNS
    assert second.startswith("    --image=IMAGE")
    assert cast.wrapped("") == [""]


def test_the_one_of_the_readme_is_so_and_shows_nothing_of_the_machine() -> None:
    picture = (REPO / "docs/demo.svg").read_text()
    assert frames(picture, "down")[0][1] != "none"
    assert "infinite" in picture
    assert "/tmp/" not in picture
    assert "cgroup v1" not in picture
