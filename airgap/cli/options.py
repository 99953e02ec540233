"""Options that several commands share, and what they turn into."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from airgap.console import Console
from airgap.errors import InputError

if TYPE_CHECKING:
    from airgap.bundle.signing import PublicKey
    from airgap.registry.options import Options as RegistryOptions

_F = TypeVar("_F", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, path_type=Path)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Terminated(BaseException):
    """SIGTERM came: unwind as for Ctrl-C, so that files are left in order."""


def output_options(function: _F) -> _F:
    """Add -q, -v and --json."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout."),
        click.option("-v", "--verbose", count=True, help="Tell more; twice for tracebacks."),
        click.option("-q", "--quiet", is_flag=True, help="Tell only warnings and errors."),
    ):
        function = option(function)
    return function


def registry_options(function: _F) -> _F:
    """Add what it takes to talk to registries."""
    for option in (
        click.option(
            "--max-wait", type=click.IntRange(0), default=600, show_default=True, metavar="SECONDS",
            help="How long to wait at the most where a registry says Retry-After.",
        ),
        click.option(
            "--connections", type=click.IntRange(1, 64), default=None,
            help="Connections to one registry; found by measuring where not given.",
        ),
        click.option(
            "--trust-realm", "trust_realms", multiple=True, metavar="HOST",
            help="A token server on another domain that may receive credentials.",
        ),
        click.option(
            "--insecure-registry", "insecure", multiple=True, metavar="HOST",
            help="Allow plain http or unverified TLS with this registry.",
        ),
        click.option(
            "--ca", "ca_files", type=FILE, multiple=True,
            help="A CA certificate (PEM) to trust besides the system's.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def keys_option(function: _F) -> _F:
    """Add --key, which `public_keys` reads."""
    return click.option(
        "--key", "keys", multiple=True, metavar="FILE|KEY",
        help="A minisign public key; one of its signatures must hold.",
    )(function)  # fmt: skip


def public_keys(keys: tuple[str, ...]) -> "list[PublicKey]":
    """Read the keys that were given.

    Raises:
        InputError: one is no minisign public key.
    """
    from airgap.bundle.signing import PublicKey

    return [PublicKey.load(key) for key in keys]


def content(path: Path) -> bytes:
    """Read a file that an option names.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", hint="check the path and its permissions"
        ) from error


def confirm(question: str) -> None:
    """Ask for a yes.

    Raises:
        click.Abort: the answer is no.
        click.UsageError: there is nobody to ask.
    """
    need_terminal(f"{question.rstrip('?')}: there is no terminal to ask at; --yes does it")
    click.confirm(question, abort=True, err=True)


def need_terminal(otherwise: str) -> None:
    """Refuse to ask where nobody can answer.

    Raises:
        click.UsageError: says what to do instead.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(otherwise)


def console(quiet: bool, verbose: int) -> Console:
    """Return the listener for -q and -v."""
    return Console(-1 if quiet else min(verbose, 2))


def registry(
    *,
    ca_files: tuple[Path, ...],
    insecure: tuple[str, ...],
    trust_realms: tuple[str, ...],
    max_wait: int,
    connections: int | None,
    mirrors: tuple[str, ...] = (),
) -> "RegistryOptions":
    """Turn the shared options and the environment into those of the registry client."""
    from airgap.registry.options import Options

    return Options(
        mirrors=dict(_mirror(text) for text in mirrors),
        ca_files=ca_files,
        insecure=frozenset(host.lower() for host in insecure),
        trust_realms=frozenset(host.lower() for host in trust_realms),
        max_wait=max_wait,
        connections=connections,
        docker_config=docker_config(),
        proxies=proxies(),
    )


def _mirror(text: str) -> tuple[str, str]:
    host, equals, mirror = text.partition("=")
    if not equals or not host or not mirror:
        raise click.BadParameter(
            f"{text!r}: expected HOST=MIRROR[/PREFIX], such as docker.io=mirror.example.org",
            param_hint="--registry-mirror",
        )
    return host.lower(), mirror


def docker_config() -> Path | None:
    """Return docker's config.json where there is one: it holds the credentials."""
    folder = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
    path = Path(folder) / "config.json"
    return path if path.exists() else None


def own_file() -> Path | None:
    """Return airgap itself where it runs as one file: pex names it in the environment."""
    path = Path(os.environ.get("PEX") or "")
    return path if path.is_file() else None


def proxies() -> dict[str, str]:
    """Return the proxy settings of the environment; lower-case names win, as in curl."""
    found = {}
    for name in _PROXIES:
        value = os.environ.get(name) or os.environ.get(name.upper())
        if value:
            found[name.removesuffix("_proxy")] = value
    return found


def source_date_epoch() -> int | None:
    """Return SOURCE_DATE_EPOCH, seconds since 1970, None where it is not set.

    Raises:
        click.UsageError: it is no whole number.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        raise click.UsageError(f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds")
    return int(text)
