"""Pages found by words, as somebody has them who copies an error from a screen."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from airgap.help.pages import Page

_WORD = re.compile(r"[a-z0-9]+")
_BEFORE = re.compile(r"\s*(error|hint|warning):", re.IGNORECASE)
_IN_ORDER = 1000


@dataclass(frozen=True, slots=True)
class Found:
    """One passage.

    Attributes:
        page: where it stands.
        heading: the nearest heading above it.
        markdown: the passage: a row of a table, an item of a list, or a paragraph.
        score: how many of the words are in it, and how many of them one after the other.
    """

    page: Page
    heading: str
    markdown: str
    score: int


def search(words: str, pages: Iterable[Page], most: int = 5) -> list[Found]:
    """Return the passages that hold the most of the words, the best first.

    A passage in which all of the words stand in their order comes before any other. What an
    error fills in (a path, a host, a number) need not be found: the rest decides.
    """
    wanted = _WORD.findall(_BEFORE.sub("", words, count=1).lower())
    if not wanted:
        return []
    found = [Found(page, head, text, _score(wanted, text)) for page in pages
             for head, text in _passages(page.markdown)]  # fmt: skip
    best = max((f.score for f in found), default=0)
    if best < max(1, (len(set(wanted)) + 1) // 2):
        return []
    kept = [f for f in found if f.score * 2 > best]
    return sorted(kept, key=lambda f: -f.score)[:most]


def _score(wanted: list[str], text: str) -> int:
    have = _WORD.findall(text.lower())
    in_order = f" {' '.join(wanted)} " in f" {' '.join(have)} "
    pairs = set(pairwise(wanted)) & set(pairwise(have))
    return len(set(wanted) & set(have)) + 2 * len(pairs) + (_IN_ORDER if in_order else 0)


def _passages(markdown: str) -> Iterator[tuple[str, str]]:
    """Yield each row, item and paragraph with the heading above it."""
    heading, lines = "", list[str]()
    for line in [*markdown.split("\n"), ""]:
        alone = line.startswith(("#", "|", "- ")) or not line.strip()
        if alone and lines:
            yield heading, "\n".join(lines)
            lines = []
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.strip():
            lines.append(line)
