"""The pages as a bundle carries them: plain text, for whoever has tar alone."""

import functools

from airgap.help.pages import INDEX, index, pages
from airgap.help.text import render

_WIDTH = 80
_ABOUT = """\
These pages travel in the bundle. The one that is called TOPIC below is TOPIC.txt beside this file;
with airgap at hand, `airgap help TOPIC` shows it at the width of the terminal.
"""


@functools.cache
def carried() -> tuple[tuple[str, bytes], ...]:
    """Return name and content of every page, the one that lists the others first."""
    first = render(f"{_ABOUT}\n{index().markdown}", _WIDTH)
    others = ((f"{topic}.txt", render(page.markdown, _WIDTH)) for topic, page in pages().items())
    return tuple((name, text.encode()) for name, text in [(f"{INDEX}.txt", first), *others])
