"""Wanted: one image that a bundle is to hold, and where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

from airgap.errors import InputError
from airgap.oci.digest import shown
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference

ALL: tuple[Platform, ...] = ()
"""The platforms of an image of which all are wanted."""


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
    origin: Reference | None = None

    @property
    def line(self) -> str:
        """The line of an image list that says the same."""
        name = f"docker://{self.origin} as {self.reference}" if self.origin else self.reference
        if self.platforms is None:
            return str(name)
        return f"--platform {','.join(map(str, self.platforms)) or 'all'} {name}"


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
