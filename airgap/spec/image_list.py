"""Image lists: one image a line, ``#`` comments and blank lines.

    [--platform OS/ARCH[,OS/ARCH]] [docker://]REFERENCE [as NAME]

Foreign input: every error names the file and the line, and all bad lines are told at once.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from airgap.errors import InputError
from airgap.oci.digest import shown
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.spec.wanted import ALL, Wanted, platforms, renamed

_MAX_ERRORS = 20
_PLATFORM = "--platform"
_PORT = re.compile(r"[0-9]{1,5}/")
_TRANSPORTS = (
    "oci", "oci-archive", "docker-archive", "docker-daemon", "containers-storage", "dir", "bundle",
)  # fmt: skip
_T = TypeVar("_T")


def parse_list(text: str, what: str) -> tuple[Wanted, ...]:
    """Parse an image list; ``what`` names it in errors.

    Raises:
        InputError: lists every bad line as ``WHAT:LINE: …``, or there is no image at all.
    """
    lines = ((f"{what}:{n}", line) for n, line in stripped(text))
    found = parse_each(lines, parse_line)
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


def parse_line(line: str) -> Wanted:
    """Parse one image.

    Raises:
        InputError: it has another form.
    """
    words, chosen = _options(line.split())
    text, renames, name = " ".join(words).rpartition(" as ")
    if not renames:
        return Wanted(_reference(name), chosen)
    origin, reference = _reference(text), renamed(name)
    return Wanted(reference, chosen, None if origin == reference else origin)


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


def _reference(text: str) -> Reference:
    """Read a reference, with or without ``docker://`` before it."""
    transport, _, rest = text.partition(":")
    if rest.startswith("//"):
        if transport == "docker":
            return Reference.parse(rest.removeprefix("//"))
        raise InputError(
            f"{shown(text)}: {transport}:// is no way to name an image",
            hint="write the reference alone, such as quay.io/org/app:1",
        )
    if transport in _TRANSPORTS and not _PORT.match(rest):
        raise InputError(
            f"{shown(text)}: airgap takes no image from {transport}:",
            hint="push it into a registry, and name it there",
        )
    if not text:
        raise InputError("no image is named", hint="write one reference a line, such as nginx:1.27")
    return Reference.parse(text)


def merged(found: Sequence[Wanted], usual: tuple[Platform, ...]) -> dict[Wanted, None]:
    """Join the lines that name one image for several platforms; what is not said is ``usual``.

    Raises:
        InputError: one name is to be given to what comes from two places.
    """
    chosen: dict[Reference, Wanted] = {}
    for wanted in found:
        own = usual if wanted.platforms is None else wanted.platforms
        other = chosen.get(wanted.reference)
        if other and other.origin != wanted.origin:
            raise InputError(
                f"{wanted.reference.familiar} is to come from two places",
                hint="keep one of the lines, or give one another name: IMAGE as NAME",
            )
        before = other.platforms if other else own
        both = tuple(dict.fromkeys((*(before or ()), *own))) if before and own else ALL
        chosen[wanted.reference] = Wanted(wanted.reference, both, wanted.origin)
    return dict.fromkeys(chosen.values())
