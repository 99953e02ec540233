"""Format 1: names of members, their order, modes and limits; all that both sides know.

docs/bundle-format.md says it for other programs.
"""

import re
from collections.abc import Iterable, Mapping

from airgap.errors import AirgapError, InputError
from airgap.oci.digest import Digest, shown

FORMAT = 1


class TooLarge(AirgapError):  # noqa: N818  (named for what it says)
    """What was asked for does not fit into one bundle."""

    exit_code = 3

    def __init__(self, why: str) -> None:
        super().__init__(
            f"too much for one bundle: {why}",
            hint="divide the list, and make several bundles; unpack and push take one after"
            " another",
        )


SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.minisig"
TABLE = "airgap.json"
DOORS = ("oci-layout", "index.json", "manifest.json")
"""What other programs read; they stand after the first three, in this order."""

EXTRAS = "airgap/"
README = "airgap/README"
REGISTRY, KIND_CONFIG = "airgap/registry.yaml", "airgap/kind.yaml"
CA, CERTIFICATE, KEY = "airgap/ca.crt", "airgap/tls.crt", "airgap/tls.key"
PROGRAMS, FILES, HELP = "airgap/bin/", "airgap/files/", "airgap/help/"
KIND, TOOL = "airgap/bin/kind", "airgap/bin/airgap"
_KNOWN = {README, REGISTRY, KIND_CONFIG, CA, CERTIFICATE, KEY, KIND, TOOL}
"""The members below airgap/, but for the user's files and help texts, whose names are free."""

SIGNATURE_SIZE = 4096
UNSIGNED = b"\n" * SIGNATURE_SIZE
MAX_TABLE = 64 << 20
"""Bytes of the largest airgap.json and SHA256SUMS, each."""
MAX_MEMBERS = 400_000
"""How many members SHA256SUMS may name: about as many as both tables have room for."""
MAX_EXTRAS = 10_000
"""How many members may stand below airgap/."""
MAX_ABSENT = 1000
"""How many foreign layers of one image may be left out."""
MAX_NAME, MAX_PREFIX = 100, 155
"""Bytes of the two fields of a header that hold a name."""

_PRINTABLE = re.compile(r"[ -\[\]-~]+")  # ASCII without the backslash


def check_count(members: int) -> None:
    """Check that so many members fit into the tables of one bundle.

    Raises:
        TooLarge: they do not.
    """
    if members > MAX_MEMBERS:
        raise TooLarge(f"the images have more than {MAX_MEMBERS} manifests and blobs")


def blob_name(digest: Digest) -> str:
    """Return the member that holds a digest's content."""
    return f"blobs/{digest.algorithm}/{digest.hex}"


def leading(sums_size: int, table_size: int) -> list[tuple[str, int]]:
    """Return names and sizes of the three members that stand first."""
    return [(SUMS, sums_size), (SIGNATURE, SIGNATURE_SIZE), (TABLE, table_size)]


def mode_of(name: str) -> int:
    """Return the permissions of a member: programs may be run, the key is its owner's alone."""
    if name.startswith(PROGRAMS):
        return 0o755
    return 0o600 if name == KEY else 0o644


def check_name(name: str) -> None:
    """Check that a name stays below the folder it is extracted into, on every system.

    Raises:
        InputError: it does not, or no header can hold it.
    """
    parts = name.split("/")
    if not _PRINTABLE.fullmatch(name) or not all(parts) or "." in parts or ".." in parts:
        raise InputError(
            f"member name {shown(name)} is not allowed in a bundle",
            hint="use printable ASCII without backslash, and no empty, . or .. components",
        )
    split_name(name)


def split_name(name: str) -> tuple[str, str]:
    """Split a long name at the first slash that leaves no more than the name field holds.

    Returns:
        what the prefix field and the name field hold.

    Raises:
        InputError: it is too long for both.
    """
    if len(name) <= MAX_NAME:
        return "", name
    slash = name.find("/", len(name) - MAX_NAME - 1)
    if not 0 < slash <= MAX_PREFIX:
        raise InputError(
            f"member name {shown(name)} is too long for a tar header",
            hint="keep the last component below 100 characters, and the whole below 255",
        )
    return name[:slash], name[slash + 1 :]


def check_names(names: Mapping[str, object]) -> None:
    """Check every name; below airgap/ also that each is a known one, or a file of its own.

    Raises:
        InputError: a name is not allowed, two are one on some system, or one is a folder too; or
            very many stand below airgap/.
    """
    for name in names:
        check_name(name)
    extras = [name for name in names if name.startswith(EXTRAS)]
    if len(extras) > MAX_EXTRAS:
        raise InputError(f"more than {MAX_EXTRAS} members stand below {EXTRAS}")
    there: dict[str, str] = {}
    for name in extras:
        _check_extra(name)
        if there.setdefault(name.lower(), name) != name:
            raise InputError(
                f"members {there[name.lower()]!a} and {name!a} differ in case alone",
                hint="many media have one file for both: name one of them differently",
            )
    for folder in _folders(there):
        if folder in there or folder in names:
            raise InputError(f"members lie below {folder!a}, which is a member itself")


def _check_extra(name: str) -> None:
    """Check that a member besides images is one that is known and shown."""
    if name not in _KNOWN and not name.startswith((FILES, HELP)):
        raise InputError(
            f"member {shown(name)} is none that a bundle may have",
            hint=f"files of your own stand below {FILES}",
        )
    if any(part[0] in "-." or part[-1] in ". " for part in name.split("/")):
        raise InputError(
            f"member name {shown(name)} is not allowed in a bundle",
            hint="let no component begin with - or ., or end with . or a blank",
        )


def _folders(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found
