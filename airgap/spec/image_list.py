"""Image lists: one image a line, ``#`` comments and blank lines.

    [--platform OS/ARCH[,OS/ARCH]] [docker://]REFERENCE [as NAME]
    [--platform OS/ARCH[,OS/ARCH]] TRANSPORT:PATH[:REF] [as NAME]
    [--platform OS/ARCH[,OS/ARCH]] docker-daemon:REFERENCE [as NAME]
    helm:CHART [as NAME]

Foreign input: every error names the file and the line, and all bad lines are told at once.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from airgap.errors import InputError
from airgap.oci.digest import shown
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.spec import charts
from airgap.spec.wanted import ALL, PLACES, Place, Placed, Wanted, platforms, renamed

_MAX_ERRORS = 20
_PLATFORM = "--platform"
_PORT = re.compile(r"[0-9]{1,5}/")
_OTHERS = ("containers-storage", "dir", "tarball", "sif", "ostree")
_T = TypeVar("_T")


def parse_list(text: str, what: str, folder: Path = Path()) -> tuple[Wanted | Placed, ...]:
    """Parse an image list.

    Args:
        text: the list.
        what: names it in errors.
        folder: what relative paths are below.

    Raises:
        InputError: lists every bad line as ``WHAT:LINE: …``, or there is no image at all.
    """
    lines = ((f"{what}:{n}", line) for n, line in stripped(text))
    found = parse_each(lines, lambda line: parse_line(line, folder))
    if not found:
        raise InputError(
            f"{what}: no image in it", hint="write one reference a line, such as nginx:1.27"
        )
    return tuple(dict.fromkeys(found))


def stripped(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that say something, each with its number.

    A comment begins with ``#`` at the start or after a blank.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if said := re.sub(r"(^|\s)#.*", "", line).strip(" \t\r"):
            yield number, said


def parse_each(entries: Iterable[tuple[str, str]], parse: Callable[[str], _T]) -> list[_T]:
    """Parse texts, each with the place where it stands.

    Raises:
        InputError: lists every text that is wrong.
    """
    found: list[_T] = []
    wrong: list[str] = []
    hint, more = "", 0
    for place, text in entries:
        try:
            found.append(parse(text))
        except InputError as error:
            more += len(wrong) == _MAX_ERRORS
            if not more:
                wrong.append(f"{place}: {error.message}")
                hint = hint or error.hint
    if wrong:
        told = [*wrong, *([f"and {more} more lines"] if more else [])]
        raise InputError("\n".join(told), hint=hint)
    return found


def parse_line(line: str, folder: Path = Path()) -> Wanted | Placed:
    """Parse one image, or a place that has some.

    Raises:
        InputError: it has another form.
    """
    words, chosen = _options(line.split())
    text, renames, name = " ".join(words).rpartition(" as ")
    text, reference = (text, renamed(name)) if renames else (name, None)
    if text.startswith(charts.PREFIX):
        found = replace(charts.parse(text.removeprefix(charts.PREFIX), folder), platforms=chosen)
        return found.called(reference) if reference else found
    place = place_of(text, folder)
    if place:
        return Placed(place, reference, chosen)
    origin = _reference(text)
    if reference is None or reference == origin:
        return Wanted(origin, chosen)
    return Wanted(reference, chosen, origin)


def _options(words: list[str]) -> tuple[list[str], tuple[Platform, ...] | None]:
    """Take the platforms out of the words of a line, wherever they stand."""
    rest: list[str] = []
    texts: list[str] = []
    given = iter(words)
    for word in given:
        option, equals, value = word.partition("=")
        if option == _PLATFORM:
            texts += (value if equals else next(given, "")).split(",")
        elif word.startswith("-"):
            raise InputError(
                f"unknown option {shown(word)}", hint=f"an image may have {_PLATFORM} alone"
            )
        else:
            rest.append(word)
    return rest, platforms(texts) if texts else None


def place_of(text: str, folder: Path = Path()) -> Place | None:
    """Read ``TRANSPORT:PATH[:REF]``; None where it is none.

    Raises:
        InputError: it is a place from which nothing is taken.
    """
    transport, _, rest = text.partition(":")
    if rest.startswith("//") or _PORT.match(rest):
        return None
    if transport in PLACES and rest:
        return Place(transport, rest, folder)
    if transport in _OTHERS:
        raise InputError(
            f"{shown(text)}: airgap takes no image from {transport}:",
            hint=f"push it into a registry, or save it to a file: {', '.join(PLACES)} are taken",
        )
    return None


def _reference(text: str) -> Reference:
    """Read a reference, with or without ``docker://`` before it."""
    transport, _, rest = text.partition(":")
    if rest.startswith("//") and transport != "docker":
        raise InputError(
            f"{shown(text)}: {transport}:// is no way to name an image",
            hint="write the reference alone, such as quay.io/org/app:1",
        )
    if not text:
        raise InputError("no image is named", hint="write one reference a line, such as nginx:1.27")
    return Reference.parse(text.removeprefix("docker://"))


def merged(found: Sequence[Wanted], usual: tuple[Platform, ...]) -> dict[Wanted, None]:
    """Join the lines that name one image for several platforms; what is not said is ``usual``.

    Raises:
        InputError: one name is to be given to what comes from two places.
    """
    origins: dict[Reference, Reference | Place | None] = {}
    chosen: dict[Reference, dict[Platform, None] | None] = {}  # None: all of them
    for wanted in found:
        own = usual if wanted.platforms is None else wanted.platforms
        if origins.setdefault(wanted.reference, wanted.origin) != wanted.origin:
            raise InputError(
                f"{wanted.reference.familiar} is to come from two places",
                hint="keep one of the lines, or give one another name: IMAGE as NAME",
            )
        both = chosen.setdefault(wanted.reference, {})
        if not own:
            chosen[wanted.reference] = None
        elif both is not None:
            both.update(dict.fromkeys(own))
    return dict.fromkeys(
        Wanted(reference, ALL if both is None else tuple(both), origins[reference])
        for reference, both in chosen.items()
    )
