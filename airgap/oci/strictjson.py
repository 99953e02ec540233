"""The only JSON loader for foreign bytes: RFC 8259 without what makes two readers disagree.

Refused: duplicate keys, NaN and Infinity, a byte order mark, invalid UTF-8, unpaired
surrogates, text after the value, nesting below 64 levels, numbers longer than 40 characters,
and very many values in few bytes, which take many times their size in memory.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from airgap.errors import InputError

MAX_DEPTH = 64
MAX_VALUES, BYTES_A_VALUE = 10_000, 8
"""A text may have so many values, or else one for so many of its bytes."""
_MAX_NUMBER = 40
# Strings are skipped whole, so that brackets inside them do not count as nesting. An unfinished
# string runs to the end of the text: that alternative never backtracks, so the scan is linear.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]+|\\.?)*(?:"|\Z)|[\[\]{}]', re.DOTALL)


def loads(data: bytes, what: str) -> Any:
    """Load one JSON value from ``data``; ``what`` names it in errors.

    Raises:
        InputError: the bytes are not JSON in the strict sense above.
    """
    try:
        text = data.decode("utf-8")
        _check_count(text)
        _check_depth(text)
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_real,
        )
        if "\\u" in text:  # an escape can smuggle in what UTF-8 itself cannot hold
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} is not valid JSON: {_one_line(error)}") from error
    return value


def load_object(data: bytes, what: str) -> dict[str, Any]:
    """Load one JSON object.

    Raises:
        InputError: the bytes are not strict JSON, or not an object.
    """
    value = loads(data, what)
    if not isinstance(value, dict):
        raise InputError(f"{what} is not a JSON object")
    return value


def dumps(value: object) -> bytes:
    """Write ``value`` as airgap writes all JSON: sorted, indented, ASCII, a final newline."""
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode("ascii")


def list_pieces(values: Iterable[object], depth: int = 0) -> Iterator[bytes]:
    """Write a list as `dumps` does one that stands ``depth`` levels deep, a piece for each value.

    So a long list need not be in memory as a whole.
    """
    outer = "\n" + " " * depth
    inner, mark = outer + " ", "["
    for value in values:
        text = json.dumps(value, indent=1, sort_keys=True)
        yield (mark + inner + text.replace("\n", inner)).encode("ascii")
        mark = ","
    yield f"{outer}]".encode() if mark == "," else b"[]"


def _check_count(text: str) -> None:
    """Bound the values by the marks that part them; those inside strings count as well."""
    count = text.count(",") + text.count("[") + text.count("{")
    if count > max(MAX_VALUES, len(text) // BYTES_A_VALUE):
        raise ValueError("too many values for its size")


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = match.group()[0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        elif first in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"duplicate key {key[:50]!a}")
            seen.add(key)
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _integer(text: str) -> int:
    return int(_bounded(text))


def _real(text: str) -> float:
    number = float(_bounded(text))
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number


def _bounded(text: str) -> str:
    if len(text) > _MAX_NUMBER:
        raise ValueError(f"number longer than {_MAX_NUMBER} characters")
    return text


def _one_line(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "invalid UTF-8"
    return " ".join(str(error).split())[:200]
