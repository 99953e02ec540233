"""Options that say what images are called on the other side, and what they turn into."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from airgap.cli import options
from airgap.files import inputs

if TYPE_CHECKING:
    from airgap.targets.naming import Naming

_F = TypeVar("_F", bound=Callable[..., Any])


def naming_options(function: _F) -> _F:
    """Add what `naming` reads."""
    for option in (
        click.option(
            "--map", "map_path", type=options.FILE, metavar="FILE",
            help="Lines SOURCE=TARGET: names of single images, before all else.",
        ),
        click.option(
            "--strip-host", is_flag=True, help="As PATH:TAG, without the upstream host.",
        ),
        click.option(
            "--name-template", metavar="TEXT",
            help="A name made of {host}, {path}, {namespace}, {name}.  [default: {host}/{path}]",
        ),
        click.option(
            "--short-names", is_flag=True,
            help="Also as PATH:TAG, where no other image claims that.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def naming(
    target: str,
    prefix: str,
    *,
    short_names: bool,
    name_template: str | None,
    strip_host: bool,
    map_path: Path | None,
) -> "Naming":
    """Turn the options into a value.

    Raises:
        InputError: the template or the map is wrong.
    """
    from airgap.targets.naming import FULL, WITHOUT_HOST, Naming, check_template, parse_map

    if strip_host and name_template:
        raise click.UsageError("--strip-host and --name-template are two ways to say one thing")
    template = WITHOUT_HOST if strip_host else check_template(name_template or FULL)
    mapped = parse_map(_text(map_path), str(map_path)) if map_path else {}
    return Naming(target, prefix, template, mapped, short_names)


def _text(path: Path) -> str:
    from airgap.errors import InputError

    try:
        return inputs.read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from error
