"""The pages of documentation, by topic.

``pages`` beside this module is a link to docs/; wheel, sdist and the single file hold the pages
themselves.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

INDEX = "README"
"""The page that lists the others; also the name of the one that a checkout begins with."""
_MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        topic: its name, such as ``unpack``; the path without folders and ending.
        path: where it is below docs/, such as ``guide/unpack.md``.
        markdown: its text as it was written.
    """

    topic: str
    path: str
    markdown: str

    @property
    def title(self) -> str:
        """The first heading, without its sign."""
        heads = (line for line in self.markdown.split("\n") if line.startswith("# "))
        return next(heads, self.topic).removeprefix("# ")


@functools.cache
def pages() -> Mapping[str, Page]:
    """Return every page but the index, by topic, sorted."""
    found = {page.topic: page for page in _below(files(__package__) / "pages", "", 0)}
    return {topic: found[topic] for topic in sorted(found) if topic != INDEX}


def index() -> Page:
    """Return the page that lists the others by reader."""
    path = f"{INDEX}.md"
    return Page(INDEX, path, (files(__package__) / "pages" / path).read_text("utf-8"))


def topic_of(path: str) -> str:
    """Return the topic of a page's path, also of one relative to another page."""
    return path.partition("#")[0].rpartition("/")[2].removesuffix(".md")


def _below(folder: Traversable, prefix: str, depth: int) -> Iterator[Page]:
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir() and depth < _MAX_DEPTH:
            yield from _below(entry, f"{path}/", depth + 1)
        elif entry.name.endswith(".md"):
            yield Page(topic_of(path), path, entry.read_text("utf-8"))
