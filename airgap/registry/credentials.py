"""credentials: what this user's files know of a registry.

docker's config.json and containers' auth.json both hold ``auths``, by host or by host and path
(containers-auth.json(5)): the longest path that fits counts. docker's may name helpers instead
(docker-credential-helpers), which know hosts alone.
"""

import base64
import binascii
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airgap.errors import InputError

_HUB, _HUB_KEY = "docker.io", "https://index.docker.io/v1/"
HUB_HOSTS = ("docker.io", "registry-1.docker.io", "index.docker.io")
_IS_IDENTITY = "<token>"
"""The user name by which a helper says that its secret is an identity token."""
_HELPER_SECONDS = 60.0
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and a password, or an identity token (OAuth2 refresh token)."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.username or self.identity_token)


class Credentials:
    """The credentials of some files. Thread-safe.

    Args:
        paths: in the order in which they are asked; those that are None are left out.
    """

    def __init__(self, *paths: Path | None) -> None:
        self._paths = [path for path in paths if path is not None]
        self._lock = threading.Lock()
        self._files: dict[Path, _File] = {}

    def of(self, host: str, repository: str = "") -> Credential | None:
        """Return what is known for a repository of a registry host, None where nothing is.

        Raises:
            InputError: a file cannot be read, or a helper failed.
        """
        name = _HUB if host in HUB_HOSTS else host.lower()
        with self._lock:
            for path in self._paths:
                try:
                    found = self._file(path).of(name, repository)
                except FileNotFoundError:
                    continue
                except (ValueError, OSError, RecursionError, subprocess.SubprocessError) as error:
                    raise _cannot(host, path, error) from error
                if found:
                    return found
        return None

    def _file(self, path: Path) -> "_File":
        if path not in self._files:
            self._files[path] = _File(json.loads(path.read_bytes()))
        return self._files[path]


class _File:
    """One file. ValueError, OSError and subprocess.SubprocessError pass."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise ValueError("it is no JSON object")  # noqa: TRY004  (it is the file that is wrong)
        self._auths = {_key(key): entry for key, entry in _object(value, "auths").items()}
        self._helpers = _object(value, "credHelpers")
        self._store = value.get("credsStore")
        self._asked: dict[str, Credential | None] = {}

    def of(self, host: str, repository: str) -> Credential | None:
        parts = repository.split("/") if repository else []
        for count in range(len(parts), 0, -1):
            if found := _entry(self._auths.get("/".join([host, *parts[:count]]))):
                return found
        return self._helped(host) or _entry(self._auths.get(host))

    def _helped(self, host: str) -> Credential | None:
        names = (*HUB_HOSTS, _HUB_KEY) if host == _HUB else (host,)
        name = next((self._helpers[key] for key in names if key in self._helpers), self._store)
        if not name:
            return None
        if host not in self._asked:
            self._asked[host] = _ask(name, _HUB_KEY if host == _HUB else host)
        return self._asked[host]


def _key(key: str) -> str:
    """Return what a key of ``auths`` is for: ``HOST`` or ``HOST/PATH``.

    docker writes URLs, and their path is none of a repository.
    """
    _, separator, rest = key.rpartition("://")
    host, _, path = rest.strip("/").partition("/")
    if separator or path in ("v1", "v2"):
        path = ""
    host = host.lower()
    host = _HUB if host in HUB_HOSTS else host
    return f"{host}/{path}" if path else host


def _entry(value: Any) -> Credential | None:
    """Read an entry of ``auths``."""
    if not isinstance(value, Mapping):
        return None
    username, password = _text(value, "username"), _text(value, "password")
    auth = _text(value, "auth")
    if auth and not username:
        try:
            pair = base64.b64decode(auth, validate=True).decode().rstrip("\0")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError("an entry's auth is not base64 of USER:PASSWORD") from error
        username, _, password = pair.partition(":")
    return Credential(username, password, _text(value, "identitytoken")) or None


def _ask(name: object, server: str) -> Credential | None:
    """Ask a helper for a server."""
    if not isinstance(name, str) or not _HELPER.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a credential helper")
    program = f"docker-credential-{name}"
    path = shutil.which(program)
    if path is None:
        raise ValueError(f"{program} is not installed")
    done = subprocess.run(
        [path, "get"], input=server.encode(), capture_output=True, timeout=_HELPER_SECONDS,
        check=False,
    )  # fmt: skip
    if done.returncode:
        said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
        if "credentials not found" in said:
            return None
        raise ValueError(f"{program} failed: {said}")
    value = json.loads(done.stdout)
    username, secret = _text(value, "Username"), _text(value, "Secret")
    if username == _IS_IDENTITY:
        return Credential(identity_token=secret) or None
    return Credential(username, secret) or None


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name) or {}
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} is no JSON object")  # noqa: TRY004
    return found


def _text(value: Any, name: str) -> str:
    """Return a member that is text, empty where it is none; docker's own are in lower case."""
    if not isinstance(value, Mapping):
        return ""
    found = value.get(name) or value.get(name.capitalize())
    return found if isinstance(found, str) else ""


def _cannot(host: str, path: Path, error: Exception) -> InputError:
    why = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
    return InputError(
        f"cannot get the credentials for {host} with {path}: {why}",
        hint=f"docker login {host}, or correct that file",
    )
