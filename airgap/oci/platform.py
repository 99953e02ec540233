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
# What an architecture means when it names no variant, and the reverse.
_DEFAULT_VARIANT = {"arm64": "v8", "arm": "v7"}


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
    def from_json(cls, value: Mapping[str, object]) -> Self:
        """Read the platform object of a descriptor; absent members become empty strings.

        Raises:
            InputError: a member is no string.
        """
        found = [value.get(key, "") for key in ("os", "architecture", "variant")]
        texts = [part for part in found if isinstance(part, str)]
        if len(texts) != len(found):
            raise InputError(f"invalid platform {shown(dict(value))}: its members must be strings")
        return cls(*texts)

    @classmethod
    def of_host(cls) -> Self:
        """Return linux on this machine's architecture."""
        machine = host.machine()
        return cls("linux", _MACHINES.get(machine, machine))

    def matches(self, wanted: "Platform") -> bool:
        """Tell whether an image for this platform is what ``wanted`` asks for."""
        return (
            self.os == wanted.os
            and self.architecture == wanted.architecture
            and self._variant() == wanted._variant()
        )

    def _variant(self) -> str:
        return self.variant or _DEFAULT_VARIANT.get(self.architecture, "")
