"""Platform: what an image runs on, written ``os/architecture[/variant]``.

Follows the platform object of the OCI image index specification 1.1.
"""

import platform as host
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from airgap.errors import InputError
from airgap.oci.digest import shown

_PART = re.compile(r"[a-z0-9_]+(?:[.-][a-z0-9_]+)*", re.IGNORECASE)
_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "i686": "386",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
# Other spellings, as containerd reads them (platforms/database.go): some imply a variant.
_SYSTEMS = {"macos": "darwin"}
_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armv7l": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
# What an architecture means when it names no variant.
_DEFAULT_VARIANT = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
_VERSION = re.compile(r"v([0-9]{1,3})(?:\.([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """An operating system, an architecture in Go's terms, and perhaps a variant."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``linux/amd64`` or ``linux/arm/v7``.

        Raises:
            InputError: it has another form.
        """
        parts = text.split("/")
        if not 2 <= len(parts) <= 3 or not all(_PART.fullmatch(part) for part in parts):
            raise InputError(
                f"invalid platform {shown(text)}: expected os/architecture[/variant]",
                hint="write it as linux/amd64 or linux/arm64, or all",
            )
        return cls(*parts)

    @classmethod
    def asked(cls, text: str) -> Self:
        """Parse what somebody asks for, where ``linux/x86_64`` is ``linux/amd64``.

        Raises:
            InputError: see `parse`.
        """
        given = cls.parse(text)
        plain = given.normalised
        same = (given.os, given.architecture) == (plain.os, plain.architecture)
        return given if same else plain

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Self:
        """Read the platform object of a descriptor; absent members become empty strings.

        Raises:
            InputError: a member is no string.
        """
        found = [value.get(key) or "" for key in ("os", "architecture", "variant")]
        texts = [part for part in found if isinstance(part, str)]
        if len(texts) != len(found):
            raise InputError(f"invalid platform {shown(dict(value))}: its members must be strings")
        return cls(*texts)

    @classmethod
    def of_host(cls) -> Self:
        """Return linux on this machine's architecture."""
        machine = host.machine()
        return cls("linux", _MACHINES.get(machine, machine))

    @property
    def is_known(self) -> bool:
        """Whether it tells anything: attestations are for ``unknown/unknown``."""
        return bool(self.architecture) and self.architecture != "unknown"

    @property
    def normalised(self) -> Self:
        """The same platform in Go's spelling, without a variant that goes without saying."""
        system, name = self.os.lower(), self.architecture.lower()
        architecture, implied = _ARCHITECTURES.get(name, (name, ""))
        variant = self.variant.lower() or implied
        variant = f"v{variant}" if variant[:1].isdigit() else variant
        usual = variant == _DEFAULT_VARIANT.get(architecture)
        return type(self)(_SYSTEMS.get(system, system), architecture, "" if usual else variant)

    def matches(self, wanted: "Platform") -> bool:
        """Tell whether an image for this platform serves where ``wanted`` is asked for."""
        return self.fitness(wanted) is not None

    def fitness(self, wanted: "Platform") -> tuple[int, int] | None:
        """Tell how well an image for this platform serves ``wanted``: the greater, the better.

        A lesser variant serves, since a processor runs what was built for those before it.

        Returns:
            None where it does not serve at all.
        """
        have, want = self.normalised, wanted.normalised
        if (have.os, have.architecture) != (want.os, want.architecture):
            return None
        mine, theirs = have._version(), want._version()
        if have.variant == want.variant:
            return mine or (0, 0)
        if mine is None or theirs is None or mine > theirs:
            return None
        return mine

    def _version(self) -> tuple[int, int] | None:
        """Return a variant as numbers that compare; None where it has another form."""
        variant = self.variant or _DEFAULT_VARIANT.get(self.architecture, "v0")
        match = _VERSION.fullmatch(variant)
        return (int(match[1]), int(match[2] or 0)) if match else None
