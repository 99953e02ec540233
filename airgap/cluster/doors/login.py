"""What it takes to write into the registry, and to read where that is not open: passwords."""

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from airgap.errors import AirgapError

USER, READING_USER = "airgap", "airgap-reader"
PASSWORD_KEY, HTPASSWD_KEY = "password", "htpasswd"
"""Where the registry's Secret keeps the password, and what the registry is told of it."""
READING_KEY, READERS_KEY = "reading-password", "readers"
"""The same for reading; they are not there where that is open to all."""
_BYTES = 24
_ROUNDS = 4  # the least of bcrypt: nobody guesses 24 random bytes, and each request is checked


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password; the repr shows no password."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def new(cls, user: str = USER) -> Self:
        """Make a password."""
        return cls(user, secrets.token_urlsafe(_BYTES))

    @classmethod
    def of_secret(cls, data: Mapping[str, bytes]) -> Self | None:
        """Take the password out of the registry's Secret; None where there is none."""
        found = data.get(PASSWORD_KEY)
        return cls(USER, found.decode("ascii", "replace")) if found else None

    @classmethod
    def for_reading(cls, data: Mapping[str, bytes]) -> Self | None:
        """Take what reading needs out of the registry's Secret; None where it is open to all."""
        found = data.get(READING_KEY)
        return cls(READING_USER, found.decode("ascii", "replace")) if found else None

    def authorization(self) -> str:
        """Return it as a request's header has it (RFC 7617)."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    def htpasswd(self) -> bytes:
        """Return the line that the registry knows the password by; another one at each call."""
        import bcrypt

        hashed = bcrypt.hashpw(self.password.encode(), bcrypt.gensalt(_ROUNDS))
        return self.user.encode() + b":" + hashed + b"\n"


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where this host writes into a registry.

    Attributes:
        endpoint: ``HOST:PORT``.
        ca_pem: whom it is believed by.
        login: what it asks for.
        why_silent: says why nobody answers there, where that is known.
    """

    endpoint: str
    ca_pem: bytes
    login: Login
    why_silent: Callable[[], AirgapError | None]
