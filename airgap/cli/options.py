"""Options that several commands share, and what they turn into."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from airgap.cli import environment, failure
from airgap.console import Console, JsonLines
from airgap.errors import InputError, ResourceError
from airgap.files import inputs, outputs

if TYPE_CHECKING:
    from airgap.certificates.values import Authority
    from airgap.registry.options import Options as RegistryOptions
    from airgap.signatures.minisign import PublicKey

_F = TypeVar("_F", bound=Callable[..., Any])

FILE = click.Path(dir_okay=False, readable=False, path_type=Path)
"""Whether it can be read is told by who reads it: what cannot is no wrong usage."""


class _Output(click.Path):
    """A name that is going to be written: what may not be replaced is refused at once."""

    def __init__(self, *, folder: bool) -> None:
        super().__init__(dir_okay=False, readable=False, path_type=Path)
        self._check = outputs.check if folder else outputs.landing

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path as it was given.

        Raises:
            ResourceError: it may not be written.
        """
        if str(value) in ("", ".", "-"):
            self.fail(f"{str(value)!r} is no name for a file", param, ctx)
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        self._check(path)
        return path


OUTPUT = _Output(folder=True)
KUBECONFIG = _Output(folder=False)
"""As kubectl and kind do, its folder is made."""


def _left(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return a callback that leaves an option's value where `failure` finds it."""

    def leave(context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        context.meta[name] = value
        return value

    return leave


def authority(cert: Path | None, key: Path | None) -> "Authority | None":
    """Read an organisation's CA; None where none is named.

    Raises:
        ResourceError: a file cannot be read.
    """
    from airgap.certificates.values import Authority

    if bool(cert) != bool(key):
        raise click.UsageError("--ca-cert and --ca-key go together")
    return Authority(inputs.read(cert), inputs.read(key)) if cert and key else None


@contextmanager
def on_the_command_line(name: str) -> Iterator[None]:
    """Tell a value of a form that it cannot have as wrong usage, as click tells its own."""
    try:
        yield
    except InputError as error:
        said = f"{error.message}: {error.hint}" if error.hint else error.message
        raise click.BadParameter(said, param_hint=name) from error


json_option = click.option(
    "--json", "as_json", is_flag=True, callback=_left(failure.AS_JSON),
    help="Print the result, or what failed, as JSON.",
)  # fmt: skip


progress_option = click.option(
    "--progress", type=click.Choice(["auto", "json"]), default="auto", expose_value=False,
    callback=_left(failure.PROGRESS),
    help="With json: what goes on, and errors, as one JSON object a line on standard error.",
)  # fmt: skip


provider_option = click.option(
    "--provider", type=click.Choice(["docker", "podman"]),
    help="What runs the nodes; podman is experimental.  [default: as kind chooses]",
)  # fmt: skip


def verbosity_options(function: _F) -> _F:
    """Add -q, -v and --progress."""
    for option in (
        progress_option,
        click.option(
            "-v", "--verbose", count=True, callback=_left(failure.VERBOSE),
            help="Say more; twice for tracebacks.",
        ),
        click.option("-q", "--quiet", is_flag=True, help="Say only warnings and errors."),
    ):  # fmt: skip
        function = option(function)
    return function


def output_options(function: _F) -> _F:
    """Add -q, -v, --progress and --json."""
    return verbosity_options(json_option(function))


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
        help="A minisign public key; a valid signature by one is asked for.",
    )(function)  # fmt: skip


def public_keys(keys: tuple[str, ...]) -> "list[PublicKey]":
    """Read the keys that were given.

    Raises:
        InputError: one is no minisign public key.
    """
    from airgap.signatures.minisign import PublicKey

    return [PublicKey.load(key) for key in keys]


def console(quiet: bool, verbose: int) -> Console:
    """Return the listener for -q, -v and --progress."""
    if click.get_current_context().meta.get(failure.PROGRESS) == "json":
        return JsonLines(-1 if quiet else min(verbose, 2))
    return Console(-1 if quiet else min(verbose, 2), plain=environment.plain())


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
    from airgap.transfer.stop import SystemClock

    return Options(
        mirrors=dict(_mirror(text) for text in mirrors),
        ca_files=ca_files,
        insecure=frozenset(host.lower() for host in insecure),
        trust_realms=frozenset(host.lower() for host in trust_realms),
        max_wait=max_wait,
        connections=connections,
        docker_config=_readable(environment.docker_config()),
        auth_file=_readable(environment.auth_file()),
        proxies=environment.proxies(),
        clock=click.get_current_context().obj or SystemClock(),
    )


def _readable(path: Path | None) -> Path | None:
    """Return a file of credentials that can be read; else say so, and go on without it."""
    try:
        if path:
            with inputs.opened(path):
                return path
    except InputError:
        pass  # there is none
    except ResourceError as error:
        console(quiet=False, verbose=0).warn(f"{error.message}: no credentials are used")
    return None


def _mirror(text: str) -> tuple[str, str]:
    host, equals, mirror = text.partition("=")
    if not equals or not host or not mirror:
        raise click.BadParameter(
            f"{text!r}: expected HOST=MIRROR[/PREFIX], such as docker.io=mirror.example.org",
            param_hint="--registry-mirror",
        )
    return host.lower(), mirror
