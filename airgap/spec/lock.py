"""Locks: which digest each tag had, one ``REFERENCE@DIGEST`` a line, sorted.

A lock is made to be reviewed where the list is, and is itself an image list.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from airgap.errors import InputError
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.spec.image_list import parse_each, stripped
from airgap.spec.load import read_text

Lock = Mapping[Reference, Digest]
"""Digests by tagged references."""


def load_lock(path: Path) -> Lock:
    """Read a lock.

    Raises:
        InputError: it cannot be read, a line has no digest, or one tag has two.
    """
    lines = ((f"{path}:{n}", line) for n, line in stripped(read_text(path)))
    found: dict[Reference, Digest] = {}
    for reference in parse_each(lines, _locked):
        assert reference.digest  # noqa: S101  (for the type)
        tag = replace(reference, digest=None)
        if tag.tag and found.setdefault(tag, reference.digest) != reference.digest:
            raise InputError(
                f"{path}: {tag.familiar} has two digests", hint="keep one of the lines"
            )
    return found


def lock_text(digests: Iterable[tuple[Reference, Digest]]) -> str:
    """Write a lock."""
    lines = {str(replace(reference, digest=digest)) for reference, digest in digests}
    return "".join(f"{line}\n" for line in sorted(lines))


def _locked(line: str) -> Reference:
    reference = Reference.parse(line)
    if reference.digest is None:
        raise InputError(
            f"{reference.familiar} has no digest",
            hint="a lock is written by airgap pack --lock FILE",
        )
    return reference
