"""Images of a layout or an archive, and what they are called there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest, shown
from airgap.oci.reference import Reference
from airgap.transfer.ports import Store

_ENDINGS = re.compile(r"\.(tar|tgz|gz|oci|docker)$")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Named:
    """An image, by the name that it has there and by a complete one.

    Attributes:
        text: what it is called there, such as a tag alone; empty where it has no name.
        reference: the same, complete.
        root: what the name points to.
        attached: whether it belongs to another one, and is no image itself.
    """

    text: str
    reference: Reference
    root: Descriptor
    attached: bool = False


class Content(Store, Protocol):
    """A Store that knows its images.

    Attributes:
        path: the folder or file.
        named: its images.
    """

    path: Path
    named: Sequence[Named]


@runtime_checkable
class Listing(Protocol):
    """The optional port of a Content that lists what is attached to its images."""

    def referrers(self, subject: Digest) -> Sequence[Descriptor]:
        """Return what refers to a manifest."""


def complete(text: str, path: Path, digest: Digest) -> Reference:
    """Complete the name that an image has in a folder or an archive.

    A full name stays; a tag alone, and an image without any name, belong to the folder.

    Raises:
        InputError: it is no name.
    """
    if "/" in text or ":" in text:
        return Reference.parse(text)
    stem = path.resolve().name.lower()
    while match := _ENDINGS.search(stem):
        stem = stem[: match.start()]
    folder = re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "layout"
    return Reference.parse(f"localhost/{folder}:{text}" if text else f"localhost/{folder}@{digest}")


def find(content: Content, text: str) -> list[Named]:
    """Find the images that a text means: a name as it is there, a reference, a digest; all by none.

    Raises:
        InputError: there is no such image, or there are several.
    """
    if not text:
        _check_once(content)
        return [one for one in content.named if not one.attached]
    meant = [one for one in content.named if _is_meant(one, text)]
    if not meant:
        raise InputError(
            f"{content.path} has no image {shown(text)}", hint=f"it has {listed(content)}"
        )
    if len({one.root.digest for one in meant}) > 1:
        raise InputError(
            f"{content.path} has several images {shown(text)}", hint="name one by its digest"
        )
    return meant[:1]


def _check_once(content: Content) -> None:
    """Refuse one name for two images."""
    found: dict[Reference, Digest] = {}
    for one in content.named:
        if found.setdefault(one.reference, one.root.digest) != one.root.digest:
            raise InputError(
                f"{content.path} has two images {one.reference.familiar}",
                hint=f"name one by its digest: {one.root.digest}",
            )


def listed(content: Content) -> str:
    """Name some of the images, for people."""
    names = [one.text or str(one.root.digest) for one in content.named if not one.attached]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "none") + more


def _is_meant(one: Named, text: str) -> bool:
    if text in (one.text, str(one.root.digest), str(one.reference)):
        return True
    try:
        return Reference.parse(text) == one.reference
    except InputError:
        return False
