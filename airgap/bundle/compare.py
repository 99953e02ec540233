"""Compare: what SHA256SUMS, airgap.json and the manifests say must fit together to the byte."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from airgap.bundle import tar
from airgap.bundle.format import (
    DOORS,
    EXTRAS,
    MAX_MEMBERS,
    SUMS,
    TABLE,
    blob_name,
    check_names,
)
from airgap.bundle.indexes import OCI_LAYOUT, Derived
from airgap.bundle.medium import damaged
from airgap.bundle.members import Members
from airgap.bundle.table import Table
from airgap.errors import InputError
from airgap.oci.digest import shown

_SUM = re.compile(r"([0-9a-f]{64})  ([ -~]+)\n")


def parse_sums(data: bytes, path: Path) -> dict[str, str]:
    """Read SHA256SUMS: names, and sha256 as hexadecimal digits.

    Raises:
        InputError: a line is none, is there twice, or there are too many.
    """
    text, at = data.decode("latin-1"), 0
    sums: dict[str, str] = {}
    while at < len(text):
        match = _SUM.match(text, at)
        if not match or match[2] in sums:
            line = text[at : at + 300].partition("\n")[0]
            raise damaged(f"{path} is damaged: {SUMS} has the line {shown(line)}")
        sums[match[2]] = match[1]
        at = match.end()
        if len(sums) > MAX_MEMBERS:
            raise InputError(f"{path}: {SUMS} names more than {MAX_MEMBERS} members")
    return sums


def place(
    table: Table, sums: dict[str, str], first: Sequence[tuple[str, int]], path: Path
) -> dict[str, tar.Member]:
    """Lay the members out.

    Args:
        table: what airgap.json says.
        sums: what SHA256SUMS says.
        first: names and sizes of the three members that stand first.
        path: what the file is called in errors.

    Raises:
        InputError: the two differ, or name what cannot be in a bundle.
    """
    if list(sums) != [TABLE, *(name for name, _ in table.members)]:
        raise damaged(f"{path}: {SUMS} and {TABLE} name different members")
    check_names(sums)
    if tuple(name for name, _ in table.members[:3]) != DOORS:
        raise InputError(f"{path}: its members are not in the order of a bundle")
    kinds = [name.startswith(EXTRAS) for name, _ in table.members[3:]]
    if not all(kinds[: sum(kinds)]):  # files stand before blobs
        raise InputError(f"{path}: its members are not in the order of a bundle")
    placed = tar.place([*first, *table.members])
    named = {member.name: member for member in placed}
    if len(named) != len(placed):
        raise InputError(f"{path}: a member is there twice")
    return named


def check(derived: Derived, table: Table, members: Members) -> None:
    """Compare all that follows from the table and the manifests with what is in the file.

    Raises:
        InputError: they differ.
    """
    doors: tuple[Iterable[bytes], ...]
    doors = ((OCI_LAYOUT,), derived.index_json(), derived.manifest_json())
    for name, pieces in zip(DOORS, doors, strict=True):
        if not members.equal(name, pieces):
            raise InputError(f"{members.path}: {name} does not show the images of {TABLE}")
    blobs = [(blob_name(d.digest), d.size) for d in (*derived.manifests, *derived.blobs)]
    carried = list(table.members[3:])
    extras = [item for item in carried if item[0].startswith(EXTRAS)]
    if carried != extras + blobs:
        raise _wrong_blobs(dict(carried), dict(extras + blobs), members.path)
    for name, _ in blobs:
        if not name.endswith(members.sum(name)):
            raise InputError(f"{members.path}: {SUMS} says of {name} that it is something else")


def _wrong_blobs(carried: dict[str, int], needed: dict[str, int], path: Path) -> InputError:
    for name in needed:
        if name not in carried:
            return InputError(f"{path}: {name} is missing, which an image needs")
    for name in carried:
        if name not in needed:
            return InputError(f"{path}: {shown(name)} is there, but no image needs it")
    return InputError(f"{path}: its members are not in the order of a bundle")
