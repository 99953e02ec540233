"""metadata: Chart.yaml as the JSON that is a chart's config, in helm's order and types.

helm reads the config into a value of fixed types, so an appVersion of 1.10 is a text there.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airgap.errors import InputError
from airgap.oci.digest import shown
from airgap.spec.strictyaml import load_all

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,249}")
_VERSION = re.compile(r"v?[0-9]+(\.[0-9]+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_TEXT, _TEXTS, _BOOL, _MAP, _LIST = "text", "texts", "bool", "map", "list"
_PERSON = {"name": _TEXT, "email": _TEXT, "url": _TEXT}
_DEPENDENCY = {
    "name": _TEXT, "version": _TEXT, "repository": _TEXT, "condition": _TEXT, "tags": _TEXTS,
    "enabled": _BOOL, "import-values": _LIST, "alias": _TEXT,
}  # fmt: skip
_CHART: dict[str, Any] = {
    "name": _TEXT, "home": _TEXT, "sources": _TEXTS, "version": _TEXT, "description": _TEXT,
    "keywords": _TEXTS, "maintainers": _PERSON, "icon": _TEXT, "apiVersion": _TEXT,
    "condition": _TEXT, "tags": _TEXT, "appVersion": _TEXT, "deprecated": _BOOL,
    "annotations": _MAP, "kubeVersion": _TEXT, "dependencies": _DEPENDENCY, "type": _TEXT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a chart says of itself; ``config`` is the JSON."""

    name: str
    version: str
    description: str
    config: bytes


def read(text: str, what: str) -> Metadata:
    """Read a Chart.yaml.

    Raises:
        InputError: it is none, or has no name or version.
    """
    documents = load_all(text, f"{what}: Chart.yaml", texts=True)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise InputError(f"{what}: its Chart.yaml is no YAML mapping")
    found = _mapping(documents[0], _CHART, f"{what}: Chart.yaml")
    name, version = found.get("name", ""), found.get("version", "")
    for key, value, form in (("name", name, _NAME), ("version", version, _VERSION)):
        if not form.fullmatch(value):
            raise InputError(
                f"{what}: Chart.yaml: {shown(value)} is no {key} of a chart",
                hint="ask who made it: helm lint tells the same",
            )
    # As Go's encoder, which escapes these also where no HTML is near.
    config = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&":
        config = config.replace(sign, f"\\u{ord(sign):04x}")
    return Metadata(name, version, found.get("description", ""), config.encode())


def _mapping(value: object, keys: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return the known members that say something, in the order of the keys."""
    if not isinstance(value, dict):
        raise InputError(f"{what}: expected a mapping")
    told = ((key, _value(value.get(key), kind, f"{what}: {key}")) for key, kind in keys.items())
    return {key: found for key, found in told if found}


def _value(value: object, kind: object, what: str) -> Any:
    if value in (None, "", "~", "null"):
        return None
    if isinstance(kind, dict):
        return [_mapping(item, kind, what) for item in _list(value, what)]
    if kind == _LIST:
        return _list(value, what)
    if kind == _TEXTS:
        return [_text(item, what) for item in _list(value, what)]
    if kind == _MAP:
        if not isinstance(value, dict):
            raise InputError(f"{what}: expected a mapping")
        return {key: _text(item, what) for key, item in sorted(value.items())}
    text = _text(value, what)
    return text.lower() in ("true", "yes", "on") if kind == _BOOL else text


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{what}: expected a list")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{what}: expected a text")
    return value
