"""docs/threat-model.md: every answer names a test, and every test that it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text()
_NAMED = re.compile(r"`((?:unit|e2e|contract|faults)/[\w/]+\.py)(?:::(\w+))?`")


def rows() -> list[list[str]]:
    """The cells of the tables, their heads among them."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_test_that_is_named_is_there() -> None:
    found = _NAMED.findall(PAGE)
    assert len(found) > 40
    for name, function in found:
        text = (ROOT / "tests" / name).read_text()
        assert re.search(rf"^ *def {function or 'test_'}", text, re.M), (name, function)


def test_every_promise_has_a_test() -> None:
    promises = [row for row in rows() if len(row) == 2 and row[0] not in ("what holds", "---")]
    assert len(promises) > 20
    for promise, tests in promises:
        assert _NAMED.search(tests), promise


def test_nothing_happens_silently() -> None:
    answers = [row for row in rows() if len(row) == 7]
    assert len(answers) > 8
    assert "silently" not in PAGE
    assert all(cell for row in answers for cell in row)
