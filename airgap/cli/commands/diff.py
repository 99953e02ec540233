"""airgap diff."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airgap.cli import options, results
from airgap.cli.content import CONTENT, open_content

if TYPE_CHECKING:
    from airgap.inspect.diff import Change, Difference, Side
    from airgap.oci.image import Image


@click.command()
@click.argument("old", metavar="OLD.tar|LAYOUT", type=CONTENT)
@click.argument("new", metavar="NEW.tar|LAYOUT", type=CONTENT)
@options.keys_option
@options.output_options
def diff(
    old: Path, new: Path, keys: tuple[str, ...], quiet: bool, verbose: int, as_json: bool
) -> None:
    """Show what a newer bundle brings, changes and lacks.

    Reads tables and manifests of both; node and registry image, programs and files are compared as
    well. With --key, both need a valid signature. Of an OCI layout, the images alone are compared.

    \b
    Example:
      airgap diff shop-6.tar shop-7.tar
    """
    from airgap.inspect.diff import diff as compare

    trusted = options.public_keys(keys)
    with ExitStack() as stack:
        before, after = (stack.enter_context(open_content(path, trusted)) for path in (old, new))
        found = compare(before, after)
        if as_json:
            results.write_json(found.to_json())
        elif not quiet:
            results.lines(_lines(found))


def _lines(found: "Difference") -> Iterator[str]:
    from airgap.progress import count, size

    for mark, side in (("-", found.old), ("+", found.new)):
        yield f"{mark} {side.path}: {_named(side)}"
    for change in found.changes:
        yield from _change(change)
    marks = {"added": "+", "removed": "-", "changed": "~"}
    for name, what in found.members.items():
        yield f"{marks[what]} {name}"
    if not found.changes and not found.members:
        yield "nothing differs but what they say of themselves"
    yield (
        f"{count(found.same, 'image')} the same; {size(found.new_size)} new,"
        f" {size(found.gone_size)} gone"
    )


def _named(side: "Side") -> str:
    from airgap.bundle.reader import Bundle

    if not isinstance(side, Bundle):
        return "an OCI layout, of which the images alone are compared"
    serial = f", serial {side.table.serial}" if side.table.serial is not None else ""
    return f"{side.table.name}{serial}, {side.digest}"


def _change(change: "Change") -> Iterator[str]:
    one = change.new or change.old
    mark = "~" if change.old and change.new else "+" if change.new else "-"
    role = f" ({change.role})" if change.role else ""
    yield f"{mark} {one.reference.familiar if one else ''}{role}"
    for sign, image in (("-", change.old), ("+", change.new)):
        if image and mark == "~":
            yield f"    {sign} {_described(image)}"


def _described(image: "Image") -> str:
    from airgap.progress import size

    platforms = ", ".join(map(str, image.platforms)) or "platform unknown"
    return f"{image.reference.familiar}  {image.root.digest}  {platforms}  {size(image.size)}"
