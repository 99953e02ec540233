"""The house stays one that a newcomer finds his way in: short files, short functions, few doors."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

AIRGAP = Path(__file__).parents[2] / "airgap"
TESTS = Path(__file__).parent
FILES = sorted(AIRGAP.rglob("*.py"))
ROOMS = sorted({path.parent for path in FILES})

LONGEST_FILE, LONGEST_FUNCTION, MEDIAN_FILE, MOST_MODULES = 300, 60, 110, 14
AT_THE_TOP = {"__init__", "__main__", "console", "errors", "progress"}


def name(path: Path) -> str:
    return str(path.relative_to(AIRGAP.parent))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name of each function of a file, and its lines without its docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node, clean=False) is not None:
                lines -= (first.end_lineno or first.lineno) - first.lineno + 1
            yield node.name, lines


def test_no_file_and_no_function_is_long() -> None:
    long = {name(path): len(path.read_text().splitlines()) for path in FILES}
    assert {path: lines for path, lines in long.items() if lines > LONGEST_FILE} == {}
    every = ((name(path), *found) for path in FILES for found in functions(path))
    assert [found for found in every if found[2] > LONGEST_FUNCTION] == []


def test_the_median_file_is_read_at_a_glance() -> None:
    lengths = sorted(len(path.read_text().splitlines()) for path in FILES)
    assert lengths[len(lengths) // 2] <= MEDIAN_FILE


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_a_room_holds_no_more_than_can_be_seen(room: Path) -> None:
    modules = [path for path in room.glob("*.py") if path.stem != "__init__"]
    assert len(modules) <= MOST_MODULES, sorted(path.name for path in modules)


def test_nothing_lies_loose_at_the_top() -> None:
    assert {path.stem for path in AIRGAP.glob("*.py")} <= AT_THE_TOP


def test_what_is_written_about_itself_names_the_room() -> None:
    """Each module opens with a docstring: a newcomer reads that first."""
    filled = [path for path in FILES if path.stem != "__init__" or path.read_text().strip()]
    assert [name(p) for p in filled if not ast.get_docstring(ast.parse(p.read_text()))] == []


@pytest.mark.parametrize("room", ROOMS[1:], ids=name)
def test_tests_mirror_the_rooms(room: Path) -> None:
    """Whoever changes a room finds its tests under the same name."""
    mirrored = TESTS / room.relative_to(AIRGAP)
    assert list(mirrored.glob("test_*.py")), f"{name(room)} has no tests of its own"


def test_no_tests_are_of_a_room_that_is_gone() -> None:
    rooms = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    assert rooms <= {room.relative_to(AIRGAP) for room in ROOMS}
