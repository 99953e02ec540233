"""credentials: what docker's config.json and its credential helpers know of a registry."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airgap.errors import InputError

_HUB_KEY = "https://index.docker.io/v1/"
HUB_HOSTS = ("docker.io", "registry-1.docker.io", "index.docker.io")


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and a password, or an identity token (OAuth2 refresh token)."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)


class Credentials:
    """The credentials of one config.json.

    Args:
        path: the file; None where there is none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._config: Any = None

    def of(self, host: str) -> Credential | None:
        """Return what is known for a registry host, None where nothing is.

        Raises:
            InputError: the file cannot be read, or a helper failed.
        """
        if self._path is None:
            return None
        from docker import auth
        from docker.errors import DockerException

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it warns of what it raises as well
                if self._config is None:
                    self._config = auth.load_config(str(self._path))
                found = self._config.resolve_authconfig(_HUB_KEY if host in HUB_HOSTS else host)
        except (DockerException, ValueError, OSError, TypeError, AttributeError) as error:
            raise InputError(
                f"cannot get the credentials for {host} with {self._path}:"
                f" {' '.join(str(error).split())[:200]}",
                hint=f"docker login {host}, or correct that file",
            ) from error
        if not found:
            return None
        token = found.get("IdentityToken") or found.get("identitytoken") or ""
        username = found.get("Username") or found.get("username") or ""
        password = found.get("Password") or found.get("password") or ""
        return Credential(username, password, token) if token or username else None
