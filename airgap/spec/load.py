"""load: a Spec from a file or a pipe, an image list or a definition."""

import codecs
import re
import sys
from pathlib import Path

from airgap.errors import InputError
from airgap.files import inputs
from airgap.files.failures import guarded
from airgap.spec.definition import read_definition
from airgap.spec.foreign import read_foreign
from airgap.spec.image_list import parse_list
from airgap.spec.spec import NAME, Spec
from airgap.spec.strictyaml import load_all

PIPE = Path("-")
"""Stands for what is piped in."""
_MAX_BYTES = 4 << 20
_YAML_LINE = re.compile(r"---|[A-Za-z][A-Za-z-]*:(\s|$)")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def load(path: Path) -> Spec:
    """Load an image list, or a definition or another tool's where the name ends in .yaml or .yml.

    What is piped in is a definition where its first line begins a YAML mapping.

    Raises:
        InputError: it cannot be read, or something in it is wrong.
    """
    if path == PIPE:
        text = _text(_piped(), "stdin")
        return _read(text, "stdin", Path(), "bundle", is_yaml=_looks_like_yaml(text))
    text = read_text(path)
    name = path.stem.lower()
    return _read(text, str(path), path.parent, name, is_yaml=path.suffix in (".yaml", ".yml"))


def read_text(path: Path) -> str:
    """Read a text of at most 4 MiB.

    Raises:
        InputError: it is not there, too large, or no UTF-8.
        ResourceError: it cannot be read.
    """
    return _text(inputs.read(path, _MAX_BYTES, "name a list of images, or a definition"), str(path))


def _read(text: str, what: str, folder: Path, name: str, *, is_yaml: bool) -> Spec:
    if not is_yaml:
        return Spec(parse_list(text, what, folder), name=name if NAME.fullmatch(name) else "bundle")
    documents = load_all(text, what)
    if foreign := read_foreign(documents, what, folder):
        return foreign
    if len(documents) > 1:
        raise InputError(f"{what}: it holds {len(documents)} YAML documents", hint="keep one")
    return read_definition(documents[0] if documents else None, what, folder)


def _looks_like_yaml(text: str) -> bool:
    lines = (line.strip() for line in text.split("\n"))
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return bool(_YAML_LINE.match(first))


def _piped() -> bytes:
    if sys.stdin is None:
        raise InputError("nothing can be read from stdin: it is closed", hint="pipe a list in")
    with guarded("cannot read stdin"):
        data = sys.stdin.buffer.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise InputError("stdin: larger than 4 MiB: this is no list of images")
    return data


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        seems = ", it is UTF-16" if data.startswith(_UTF16) else f" (byte {error.start})"
        raise InputError(
            f"{what}: not UTF-8 text{seems}",
            hint="save it as UTF-8, such as with iconv -f UTF-16 -t UTF-8",
        ) from error
