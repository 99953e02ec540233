"""login: what it takes to write into the cluster's registry.

The registry's writing door asks for a user and a password (its ``auth.htpasswd``, which takes
bcrypt alone). The password is random and as long as a key, so that nobody guesses it: bcrypt's
work, which is to slow guessing down, is set to its least, since it is done at every request.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

USER = "airgap"
_RANDOM_BYTES = 24
_LEAST_ROUNDS = 4
PASSWORD_KEY, HTPASSWD_KEY = "password", "htpasswd"
"""Where the Secret holds them."""


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """A user and a password; the repr shows neither."""

    user: str
    password: str

    @classmethod
    def make(cls) -> Self:
        """Make a login with a password that nobody guesses."""
        return cls(USER, secrets.token_urlsafe(_RANDOM_BYTES))

    @classmethod
    def of_secret(cls, data: Mapping[str, bytes]) -> Self | None:
        """Return the login that a cluster's Secret holds; None where it has none."""
        password = data.get(PASSWORD_KEY)
        return cls(USER, password.decode("ascii", "replace")) if password else None

    def to_secret(self) -> dict[str, bytes]:
        """Return what the Secret is to hold: the password, and what the registry checks."""
        import bcrypt

        salt = bcrypt.gensalt(_LEAST_ROUNDS)
        line = self.user.encode() + b":" + bcrypt.hashpw(self.password.encode(), salt) + b"\n"
        return {PASSWORD_KEY: self.password.encode(), HTPASSWD_KEY: line}

    def docker_auth(self) -> str:
        """Return what docker's config.json holds as ``auth`` for a registry."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")

    def docker_config(self, addresses: list[str]) -> bytes:
        """Return a docker config.json that logs in at each ``HOST:PORT``."""
        auths = {address: {"auth": self.docker_auth()} for address in addresses}
        return json.dumps({"auths": auths}, indent=1).encode()
