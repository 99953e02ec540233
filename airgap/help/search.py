"""Pages found by words, as somebody has them who copies an error from a screen."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from airgap.help.pages import Page

_WORD = re.compile(r"[a-z0-9]+")
_BEFORE = re.compile(r"\s*(error|hint|warning):", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True)
class _Passage:
    page: Page
    heading: str
    markdown: str
    words: tuple[str, ...]
    line: str
    """The words with a blank before and after each."""


def search(words: str, pages: Iterable[Page], most: int = 5) -> list[Found]:
    """Return the passages that hold the most of the words, the best first.

    A passage in which all of the words stand in their order comes before any other. What an
    error fills in (a path, a host, a number) need not be found: the rest decides.
    """
    wanted = _WORD.findall(_BEFORE.sub("", words, count=1).lower())
    if not wanted:
        return []
    every = [passage for page in pages for passage in _passages(page)]
    in_order = [passage for passage in every if _line(wanted) in passage.line]
    found = [Found(p.page, p.heading, p.markdown, _score(wanted, p)) for p in in_order or every]
    best = max((f.score for f in found), default=0)
    if best < max(1, (len(set(wanted)) + 1) // 2):
        return []
    kept = [f for f in found if f.score * 2 > best]
    return sorted(kept, key=lambda f: -f.score)[:most]


def _line(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "


def _score(wanted: list[str], passage: _Passage) -> int:
    pairs = set(pairwise(wanted)) & set(pairwise(passage.words))
    return len(set(wanted) & set(passage.words)) + 2 * len(pairs)


@cache
def _passages(page: Page) -> tuple[_Passage, ...]:
    """Return each row, item and paragraph with the heading above it."""
    found, heading, lines = list[_Passage](), "", list[str]()
    for line in [*page.markdown.split("\n"), ""]:
        alone = line.startswith(("#", "|", "- ")) or not line.strip()
        if alone and lines:
            text = "\n".join(lines)
            words = tuple(_WORD.findall(text.lower()))
            found.append(_Passage(page, heading, text, words, _line(words)))
            lines = []
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.strip():
            lines.append(line)
    return tuple(found)
