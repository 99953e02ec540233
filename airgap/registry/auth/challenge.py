"""challenge: what a WWW-Authenticate header asks for (RFC 7235, RFC 7617, RFC 6750)."""

import base64
import re
from dataclasses import dataclass

import httpx

from airgap.registry.credentials import Credential

_PARAMETER = re.compile(r'\b([a-zA-Z_]{1,64})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge: ``scheme`` in lower case."""

    scheme: str
    realm: str = ""
    service: str = ""

    @classmethod
    def of(cls, headers: httpx.Headers) -> "Challenge | None":
        """Read the first bearer challenge of a response, else a basic one, else None."""
        found = [cls._parse(text) for text in headers.get_list("WWW-Authenticate")]
        ranked = sorted(found, key=lambda challenge: challenge.scheme != "bearer")
        return next((c for c in ranked if c.scheme in ("bearer", "basic")), None)

    @classmethod
    def _parse(cls, text: str) -> "Challenge":
        scheme, _, rest = text[:_LONGEST].strip().partition(" ")
        values = {m[1].lower(): m[2] or m[3] or "" for m in _PARAMETER.finditer(rest)}
        return cls(scheme.lower(), values.get("realm", ""), values.get("service", ""))


def basic(credential: Credential | None) -> str | None:
    """Return the Authorization header for a user and a password, None where there are none."""
    if credential is None or not credential.username:
        return None
    pair = f"{credential.username}:{credential.password}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
