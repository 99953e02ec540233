"""A page of Markdown as plain text of a given width.

Takes what the pages use: headings, paragraphs, lists, tables, fenced code, quotes and comments.
Code and plain-text drawings keep their lines; all else is broken at the width.
"""

import re
from collections.abc import Iterator

from airgap.help.pages import INDEX, topic_of

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_ITEM = re.compile(r"(\s*)([-*]|[0-9]+\.)\s+(.*)")
_RULE = re.compile(r"\|?[\s:|-]+\|[\s:|-]*")
_GAP = "  "


def render(markdown: str, width: int) -> str:
    """Return the page as text.

    Args:
        markdown: the page.
        width: columns; only code and single long words are wider.
    """
    text = _IMAGE.sub("", _COMMENT.sub("", markdown))
    blocks = ("\n".join(_block(block, width)) for block in _blocks(text))
    return "\n\n".join(block for block in blocks if block.strip()) + "\n"


def render_passage(markdown: str, width: int) -> str:
    """Return one passage; the row of a table as its first cell with the others below it."""
    if not markdown.startswith("|"):
        return render(markdown, width)
    first, *rest = (cell for cell in _cells(markdown) if cell)
    lines = _wrap(first, width, "", "  ")
    lines += [line for cell in rest for line in _wrap(cell, width, "    ", "    ")]
    return "\n".join(lines) + "\n"


def _blocks(text: str) -> Iterator[list[str]]:
    """Cut a page into blocks of lines: code, heading, table, list, paragraph."""
    block: list[str] = []
    fenced = False
    for line in text.split("\n"):
        fence = line.lstrip().startswith("```")
        heading = line.startswith("#") and not fenced
        apart = (not line.strip() and not fenced) or heading or (fence and not fenced)
        if apart and block:
            yield block
            block = []
        if line.strip() or fenced:
            block.append(line)
        if fence:
            fenced = not fenced
        if (heading or (fence and not fenced)) and block:
            yield block
            block = []
    if block:
        yield block


def _block(lines: list[str], width: int) -> Iterator[str]:
    first = lines[0]
    if first.lstrip().startswith("```"):
        yield from (f"    {line}".rstrip() for line in lines[1:-1])
    elif first.startswith("#"):
        yield from _heading(first)
    elif len(lines) > 1 and _RULE.fullmatch(lines[1].strip()):
        yield from _table([_cells(line) for line in (first, *lines[2:])], width)
    else:
        yield from _prose(lines, width)


def _heading(line: str) -> Iterator[str]:
    level = len(line) - len(line.lstrip("#"))
    text = inline(line[level:].strip())
    yield text
    if level <= 2:
        yield ("=" if level == 1 else "-") * len(text)


def _prose(lines: list[str], width: int) -> Iterator[str]:
    """Break paragraphs and list items; an item's further lines stand below its text."""
    indent, mark, words = "", "", ""
    for line in [*lines, None]:
        item = _ITEM.fullmatch(line) if line is not None else None
        if line is None or item:
            if words:
                begin = indent + mark
                yield from _wrap(words, width, begin, " " * len(begin))
            if item:
                indent, mark, words = item[1], f"{item[2]} ", item[3]
        else:
            words = f"{words} {line.strip().removeprefix('> ')}".strip()


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [inline(cell.strip().replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", inner)]


def _table(rows: list[list[str]], width: int) -> Iterator[str]:
    """Align the columns where they fit; else each row as its first cell and named lines."""
    columns = max(map(len, rows))
    rows = [[*row, *[""] * (columns - len(row))] for row in rows]
    widths = [max(len(row[n]) for row in rows) for n in range(columns)]
    if sum(widths) + len(_GAP) * (columns - 1) <= width:
        for number, row in enumerate(rows):
            yield _GAP.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            if number == 0 and any(row):
                yield _GAP.join("-" * w for w in widths)
        return
    head, *body = rows
    for row in body:
        yield from _wrap(row[0] or "·", width, "", "  ")
        for name, cell in zip(head[1:], row[1:], strict=True):
            if cell:
                yield from _wrap(f"{name}: {cell}" if name else cell, width, "    ", "      ")


def _wrap(text: str, width: int, first: str, rest: str) -> list[str]:
    """Break a text between words; quicker than textwrap, since each bundle carries every page."""
    lines, line, indent = [], first, first
    for word in inline(text).split():
        if line == indent:
            line += word
        elif len(line) + 1 + len(word) <= width:
            line += f" {word}"
        else:
            lines.append(line)
            line, indent = rest + word, rest
    return [*lines, line] if line != first else lines


def inline(text: str) -> str:
    """Drop the signs of emphasis and code, and write links as a reader offline needs them."""
    text = _LINK.sub(_link, text)
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", text)
    return text.replace("`", "")


def _link(match: re.Match[str]) -> str:
    text, target = match[1], match[2]
    if target.startswith(("http://", "https://")):
        return text if text == target else f"{text} ({target})"
    if not target.partition("#")[0].endswith(".md"):
        return text
    topic = topic_of(target)
    if topic == INDEX:
        return text
    named = text.strip("`")
    return topic if named.endswith(".md") else f"{text} (airgap help {topic})"
