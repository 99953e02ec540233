"""Reference: what people call an image, ``[HOST/]PATH[:TAG][@DIGEST]``.

Follows the grammar of the distribution project's reference package and docker's rules for
familiar names: ``nginx`` is ``docker.io/library/nginx:latest``. A Reference that exists is valid
and complete: it has a host, a path, and a tag or a digest or both.

Also here: where an image lands on the isolated side. ``docker.io/library/nginx:1.27`` becomes
the repository ``docker.io/library/nginx`` of the registry there, and the short ``nginx``.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from airgap.errors import InputError
from airgap.oci.digest import Digest, shown

DEFAULT_HOST = "docker.io"
_ALIASES = {"index.docker.io": DEFAULT_HOST, "registry-1.docker.io": DEFAULT_HOST}
_MAX_NAME = 255

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A complete image reference.

    Attributes:
        host: lower-case registry host, with ``:PORT`` where given, such as ``docker.io``.
        path: the repository's path on that host, such as ``library/nginx``.
        tag: empty where only a digest was given.
        digest: None where only a tag was given.
    """

    host: str
    path: str
    tag: str
    digest: Digest | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.path}{tag}{digest}"

    @property
    def name(self) -> str:
        """``HOST/PATH``, without tag and digest."""
        return f"{self.host}/{self.path}"

    @property
    def familiar(self) -> str:
        """The reference as docker prints it: without ``docker.io/`` and ``library/``."""
        text = str(self)
        for prefix in (f"{DEFAULT_HOST}/library/", f"{DEFAULT_HOST}/"):
            if text.startswith(prefix):
                return text.removeprefix(prefix)
        return text

    @property
    def repository(self) -> str:
        """The repository on the isolated side: ``HOST/PATH`` with HOST as a path component."""
        return f"{host_component(self.host)}/{self.path}"

    @property
    def short_repository(self) -> str:
        """The second, short repository there: the path without host and ``library/``."""
        if self.host == DEFAULT_HOST:
            return self.path.removeprefix("library/")
        return self.path

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a familiar or complete reference; without tag and digest, the tag is ``latest``.

        Raises:
            InputError: the text does not follow the grammar.
        """
        rest, at, digest_text = text.partition("@")
        digest = _digest(text, digest_text) if at else None
        host, path_tag = _split_host(rest)
        path, colon, tag = path_tag.partition(":")
        if not colon:
            tag = "" if digest else "latest"
        elif not _TAG.fullmatch(tag):
            raise _invalid(text, f"{shown(tag)} is not a tag")
        if host == DEFAULT_HOST and "/" not in path:
            path = f"library/{path}"
        _check_name(text, host, path)
        return cls(host, path, tag, digest)


def _digest(text: str, digest_text: str) -> Digest:
    try:
        return Digest.parse(digest_text)
    except InputError as error:
        raise _invalid(text, error.message) from error


def _split_host(rest: str) -> tuple[str, str]:
    """Split off the host by docker's rule: the first component is one if it looks like one."""
    first, slash, remainder = rest.partition("/")
    looks_like_host = (
        any(mark in first for mark in ".:[") or first == "localhost" or first != first.lower()
    )
    if not slash or not looks_like_host:
        return DEFAULT_HOST, rest
    return _canonical(first), remainder


def registry_host(text: str) -> str:
    """Return the address of a registry as references have it: Docker Hub is ``docker.io``.

    Raises:
        InputError: it is none.
    """
    host = _canonical(text)
    if not _HOST.fullmatch(host) or not _valid_address(host):
        raise InputError(
            f"{shown(text)} is not a registry address", hint="write it as HOST[:PORT][/PREFIX]"
        )
    return host


def _canonical(host: str) -> str:
    return _ALIASES.get(host.lower(), host.lower())


def _check_name(text: str, host: str, path: str) -> None:
    if not _HOST.fullmatch(host) or not _valid_address(host):
        raise _invalid(text, f"{shown(host)} is not a registry host")
    if path.removeprefix("library/") != path.removeprefix("library/").lower():
        raise _invalid(text, "a repository name is lower case")
    if not _PATH.fullmatch(path):
        raise _invalid(text, f"{shown(path)} is not a repository name")
    if len(host) + 1 + len(path) > _MAX_NAME:
        raise _invalid(text, f"its name is longer than {_MAX_NAME} characters")


def _valid_address(host: str) -> bool:
    name, bracket, port = host.partition("]:") if host.startswith("[") else host.partition(":")
    if bracket and not 0 < int(port) <= 65535:
        return False
    if not host.startswith("["):
        return True
    try:
        ipaddress.IPv6Address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _invalid(text: str, why: str) -> InputError:
    return InputError(
        f"invalid reference {shown(text)}: {why}",
        hint="write it as [HOST/]PATH[:TAG][@sha256:DIGEST], such as nginx:1.27",
    )


def host_component(host: str) -> str:
    """Write a registry host as one path component of a repository.

    ``HOST:5000`` becomes ``HOST_5000``; ``[2001:db8::1]`` becomes ``ipv6-2001-db8-0-0-0-0-0-1``.
    No two hosts get the same component, since ``_`` cannot occur in a host.
    """
    if not host.startswith("["):
        return host.lower().replace(":", "_")
    address, _, port = host[1:].partition("]")
    groups = ipaddress.IPv6Address(address).exploded.split(":")
    component = "ipv6-" + "-".join(f"{int(group, 16):x}" for group in groups)
    return component + port.replace(":", "_")


def is_repository(text: str) -> bool:
    """Tell whether a registry may have a repository of that name."""
    return len(text) <= _MAX_NAME and _PATH.fullmatch(text) is not None


def short_repositories(references: Iterable[Reference]) -> dict[str, str]:
    """Map each ``HOST/PATH`` name to the short repository it may have besides its full one.

    A short repository that two names claim, or that is some image's full repository, is given
    to none.
    """
    names = {reference.name: reference for reference in references}
    claims = Counter(reference.short_repository for reference in names.values())
    full = {reference.repository for reference in names.values()}
    return {
        name: reference.short_repository
        for name, reference in names.items()
        if claims[reference.short_repository] == 1 and reference.short_repository not in full
    }
