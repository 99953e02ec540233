"""Outputs of ``--json`` held against docs/reference/schemas."""

import json
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[2] / "docs/reference/schemas"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "integer": int, "number": (int, float),
}  # fmt: skip


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return found


def wrong(value: Any, name: str) -> list[str]:
    """Say what an output has that its schema does not tell, and the other way round."""
    return _wrong(value, schema(name), name)


def _wrong(value: Any, one: dict[str, Any], where: str) -> list[str]:
    kinds = one["type"] if isinstance(one["type"], list) else [one["type"]]
    if not any(_is(value, kind) for kind in kinds):
        return [f"{where} is {value!r}, not {' or '.join(kinds)}"]
    found = []
    if isinstance(value, dict) and "properties" in one:
        found += [f"{where}.{name} is missing" for name in one["required"] if name not in value]
        for name, inner in value.items():
            if name in one["properties"]:
                found += _wrong(inner, one["properties"][name], f"{where}.{name}")
            else:
                found.append(f"{where}.{name} is not in the schema")
    if isinstance(value, list):
        found += [
            text for n, x in enumerate(value) for text in _wrong(x, one["items"], f"{where}[{n}]")
        ]
    return found


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def of(command: str, value: dict[str, Any]) -> str:
    """Return the name of the schema that an output of a command is told by."""
    if "error" in value and "bundle" not in value:
        return "failure"
    for name, member in (("push-check", "missing"), ("push-dry-run", "repositories")):
        if command == "push" and member in value:
            return name
    of_layout = command in ("inspect", "verify") and "layout" in value
    return f"{command}-layout" if of_layout else command


def read(command: str, text: str) -> dict[str, Any]:
    """Return what a command printed with --json; it is as its schema says."""
    value: dict[str, Any] = json.loads(text)
    assert wrong(value, of(command, value)) == []
    return value
