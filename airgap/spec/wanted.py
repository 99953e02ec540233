"""Wanted: one image that a bundle is to hold, and where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airgap.errors import InputError
from airgap.oci.digest import shown
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference

ALL: tuple[Platform, ...] = ()
"""The platforms of an image of which all are wanted."""


PLACES = ("oci", "oci-archive", "docker-archive", "docker-daemon", "bundle")
"""The transports of images that lie on this machine."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where images lie on this machine.

    Attributes:
        transport: one of `PLACES`, or ``helm``; see `airgap.spec.charts`.
        text: ``PATH[:REF]``, or what a daemon calls an image, as it was written.
        folder: what a relative path is below.
    """

    transport: str
    text: str
    folder: Path = Path()

    def __str__(self) -> str:
        return f"{self.transport}:{self.text}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image that a bundle is to hold.

    Attributes:
        reference: its name on the other side.
        platforms: what to carry of it; `ALL` carries all; None means not said.
        origin: its name where it comes from; None where it is the same.
    """

    reference: Reference
    platforms: tuple[Platform, ...] | None = None
    origin: Reference | Place | None = None

    def called(self, name: Reference) -> "Wanted":
        """Return the same image under another name on the other side."""
        origin = self.origin or self.reference
        return replace(self, reference=name, origin=None if origin == name else origin)

    @property
    def line(self) -> str:
        """The line of an image list that says the same."""
        if isinstance(self.origin, Place) and self.reference.digest:
            return _line(self.platforms, self.origin)  # such a name is given by content alone
        origin = f"docker://{self.origin}" if isinstance(self.origin, Reference) else self.origin
        return _line(self.platforms, f"{origin} as {self.reference}" if origin else self.reference)


@dataclass(frozen=True, slots=True)
class Placed:
    """Images on this machine that a bundle is to hold.

    Attributes:
        place: where.
        name: what the one image there is called on the other side; None: as it is called there,
            and then there may be several.
        platforms: as of `Wanted`.
    """

    place: Place
    name: Reference | None = None
    platforms: tuple[Platform, ...] | None = None

    def called(self, name: Reference) -> "Placed":
        """Return the same image under another name on the other side."""
        return replace(self, name=name)

    @property
    def line(self) -> str:
        """The line of an image list that says the same."""
        renames = f" as {self.name}" if self.name else ""
        return _line(self.platforms, f"{self.place}{renames}")


def _line(platforms: tuple[Platform, ...] | None, name: object) -> str:
    if platforms is None:
        return str(name)
    return f"--platform {','.join(map(str, platforms)) or 'all'} {name}"


def platforms(texts: Sequence[str]) -> tuple[Platform, ...]:
    """Read platforms as somebody asks for them; ``all`` among them stands for all.

    Raises:
        InputError: one is none.
    """
    if "all" in texts:
        return ALL
    return tuple(dict.fromkeys(map(Platform.asked, texts)))


def renamed(text: str) -> Reference:
    """Read the name that an image is given on the other side.

    Raises:
        InputError: it is no reference, or one with a digest, which content alone can give.
    """
    reference = Reference.parse(text)
    if reference.digest:
        raise InputError(
            f"the new name {shown(text)} has a digest", hint="write it as [HOST/]PATH[:TAG]"
        )
    return reference
