"""Digest: the name of content by its hash.

Follows the OCI image specification 1.1, "Digests". A Digest that exists is valid, so it may be
put into a path or a URL as it is.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from airgap.errors import InputError

_HEX_LENGTH = {"sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """An algorithm and its lower-case hexadecimal hash, such as ``sha256:9f86…``."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    @property
    def short(self) -> str:
        """The first twelve hexadecimal digits, for people."""
        return self.hex[:12]

    @classmethod
    def parse(cls, text: object) -> Self:
        """Parse ``sha256:<64 hex>`` or ``sha512:<128 hex>``.

        Raises:
            InputError: it is anything else.
        """
        if isinstance(text, str):
            algorithm, _, encoded = text.partition(":")
            if _HEX_LENGTH.get(algorithm) == len(encoded) and _HEX.fullmatch(encoded):
                return cls(algorithm, encoded)
        raise InputError(
            f"invalid digest {shown(text)}: expected sha256: and 64 lower-case hexadecimal digits"
        )

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        """Return the digest of ``content``."""
        return cls(algorithm, hashlib.new(algorithm, content).hexdigest())


def shown(value: object, limit: int = 100) -> str:
    """Quote a foreign value for an error line: one line, printable ASCII, bounded length."""
    text = ascii(value)
    return text if len(text) <= limit else text[:limit] + "…"
