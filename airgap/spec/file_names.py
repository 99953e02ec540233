"""file_names: what files below airgap/files/ may be called; told before anything is looked up."""

import re
from collections.abc import Iterable
from pathlib import Path

from airgap.errors import InputError
from airgap.oci.digest import shown

_PART = r"[A-Za-z0-9_@%+=,]([A-Za-z0-9._@%+=, -]*[A-Za-z0-9_@%+=,-])?"
_NAME = re.compile(f"{_PART}(/{_PART})*")
_LONGEST = 80


def check(name: object, what: str) -> str:
    """Return the name of one file; ``what`` tells where it stands.

    Raises:
        InputError: some system cannot take it, or takes it for something else.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise InputError(
            f"{what}: {shown(name)} is no name for a file in a bundle",
            hint=f"use at most {_LONGEST} letters, digits, - _ . and /, without .., without - or ."
            " at the beginning of a part, and without . or a blank at its end",
        )
    return name


def apart(files: Iterable[tuple[str, Path]], what: str) -> dict[str, Path]:
    """Return files by name, each of which has one of its own on every medium.

    Raises:
        InputError: two have the same name but for case, or one has the name of a folder.
    """
    found, lower = dict[str, Path](), dict[str, str]()
    for name, path in files:
        other = lower.get(name.lower())
        if other is not None and (other, found[other]) != (name, path):
            raise InputError(
                f"{what}: {shown(other)} and {shown(name)} would be one file on many media",
                hint="write a mapping that gives one of them another name",
            )
        found[name], lower[name.lower()] = path, name
    for name in found:
        parts = name.lower().split("/")
        for end in range(1, len(parts)):
            if (folder := lower.get("/".join(parts[:end]))) is not None:
                raise InputError(
                    f"{what}: {shown(folder)} is a file, and {shown(name)} needs a folder there",
                    hint="give one of them another name",
                )
    return found
