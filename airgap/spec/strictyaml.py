"""The only YAML loader for foreign bytes: mappings, lists and plain values, in linear time.

What a small file can grow by, or hide in, is refused: aliases and anchors, tags, a key twice, deep
nesting, very many values in few bytes. Values are built from the parser's events, which end at the
first thing that is refused. Plain numbers are whole or decimal; times, which YAML 1.1 would make
of some texts, stay texts.
"""

import re
from collections.abc import Iterable
from typing import Any

from airgap.errors import InputError
from airgap.oci.digest import shown

MAX_DEPTH, MAX_BRACKETS = 64, 32
MAX_EVENTS, BYTES_AN_EVENT = 10_000, 8
"""A text may have so many values and ends, or else one for so many of its bytes."""
_NULL = {"", "~", "null"}
_BOOL = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18})(?:[eE][-+]?[0-9]{1,2})?")


def load_all(text: str, what: str, *, texts: bool = False) -> list[Any]:
    """Load all documents of a YAML text; ``what`` names it in errors.

    With ``texts``, every plain value stays the text that it is written as.

    Raises:
        InputError: it is no YAML in the narrow sense above.
    """
    import yaml

    try:
        _check_brackets(text)
        most = max(MAX_EVENTS, len(text) // BYTES_AN_EVENT)
        # libyaml's parser, where PyYAML has it, gives the same events in a tenth of the time.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return _Builder(most, texts).values(yaml.parse(text, loader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        words = " ".join(str(error).split())[:300]
        raise InputError(f"{what}: not valid YAML: {words}") from error


def _check_brackets(text: str) -> None:
    """Bound how deep brackets are nested: the scanner takes each one's time for each inner one."""
    depth = 0
    for mark in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if mark[0] in "[{" else max(depth - 1, 0)
        if depth > MAX_BRACKETS:
            line = text.count("\n", 0, mark.start()) + 1
            raise ValueError(f"line {line}: brackets nested deeper than {MAX_BRACKETS}")


class _Builder:
    """Builds a value from events.

    A mapping's key waits in ``_keys`` until its value comes, None while a key is to come.
    """

    def __init__(self, most: int, texts: bool) -> None:
        self._left, self._texts = most, texts
        self._found: list[Any] = []
        self._open: list[dict[str, Any] | list[Any]] = []
        self._keys: list[str | None] = []

    def values(self, events: Iterable[Any]) -> list[Any]:
        """Return the value of each document."""
        for event in events:
            try:
                self._take(event)
            except ValueError as error:
                raise ValueError(f"line {event.start_mark.line + 1}: {error}") from None
        return self._found

    def _take(self, event: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many values for its size")
        kind = type(event).__name__
        if getattr(event, "anchor", None) is not None:
            raise ValueError("anchors and aliases are not allowed")
        if getattr(event, "tag", None) is not None:
            raise ValueError(f"the tag {shown(event.tag)} is not allowed")
        if kind == "ScalarEvent":
            self._scalar(event.value, plain=event.implicit[0])
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._begin({} if kind == "MappingStartEvent" else [])
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._open.pop()
            self._keys.pop()

    def _scalar(self, text: str, *, plain: bool) -> None:
        if self._awaits_key():
            if text in self._open[-1]:
                raise ValueError(f"duplicate key {shown(text)}")
            self._keys[-1] = text
        else:
            self._put(_plain(text) if plain and not self._texts else text)

    def _begin(self, value: dict[str, Any] | list[Any]) -> None:
        if self._awaits_key():
            raise ValueError("a key must be a text")
        if len(self._open) == MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        self._put(value)
        self._open.append(value)
        self._keys.append(None)

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1], dict) and self._keys[-1] is None

    def _put(self, value: Any) -> None:
        into = self._open[-1] if self._open else self._found
        key = self._keys[-1] if self._keys else None
        if isinstance(into, list):
            into.append(value)
        elif key is not None:
            into[key] = value
            self._keys[-1] = None


def _plain(text: str) -> Any:
    """Return what a text without quotes means."""
    word = text.lower()
    if word in _NULL:
        return None
    if word in _BOOL:
        return _BOOL[word]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text
