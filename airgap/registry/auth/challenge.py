"""challenge: what a WWW-Authenticate header asks for (RFC 7235, RFC 7617, RFC 6750)."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx

from airgap.registry.credentials import Credential

_PIECE = re.compile(
    r"""\b(?P<name>[a-zA-Z_]{1,64})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))"""
    r"""|\b(?P<scheme>[a-zA-Z][a-zA-Z0-9-]{0,63})(?=[\s,]|$)"""
)
"""A parameter, or the name of a scheme: one header may have several of each."""
_ESCAPED = re.compile(r"\\(.)")
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge: ``scheme`` in lower case; its scope is that of one request alone."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = field(default="", compare=False)

    @classmethod
    def of(cls, headers: httpx.Headers) -> "Challenge | None":
        """Read the first bearer challenge of a response, else a basic one, else None."""
        texts = headers.get_list("WWW-Authenticate")
        found = [one for text in texts for one in cls._parse(text[:_LONGEST])]
        ranked = sorted(found, key=lambda challenge: challenge.scheme != "bearer")
        return next((c for c in ranked if c.scheme in ("bearer", "basic")), None)

    @classmethod
    def _parse(cls, text: str) -> "Iterator[Challenge]":
        scheme, values = "", dict[str, str]()
        for piece in _PIECE.finditer(text):
            if piece["scheme"]:
                if scheme:
                    yield cls._of(scheme, values)
                scheme, values = piece["scheme"], {}
            else:
                value = _ESCAPED.sub(r"\1", piece["quoted"] or "") or piece["plain"] or ""
                values.setdefault(piece["name"].lower(), value)
        if scheme:
            yield cls._of(scheme, values)

    @classmethod
    def _of(cls, scheme: str, values: Mapping[str, str]) -> "Challenge":
        known = (values.get(name, "") for name in ("realm", "service", "scope"))
        return cls(scheme.lower(), *known)


def basic(credential: Credential | None) -> str | None:
    """Return the Authorization header for a user and a password, None where there are none."""
    if credential is None or not credential.username:
        return None
    pair = f"{credential.username}:{credential.password}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
