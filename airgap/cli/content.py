"""Images at hand that a command is given: a bundle, or the folder of an OCI image layout."""

import stat
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airgap.cli import options
from airgap.console import Console
from airgap.errors import InputError
from airgap.files import inputs

if TYPE_CHECKING:
    from airgap.bundle.reader import Bundle
    from airgap.sources.layout import Layout

    Content = Bundle | Layout

CONTENT = click.Path(readable=False, path_type=Path)


def open_content(path: Path, keys: tuple[str, ...]) -> AbstractContextManager["Content"]:
    """Open what a command is given.

    Raises:
        InputError: it is neither, or keys are given for a folder.
        TrustError: no signature by one of the keys holds.
    """
    from airgap.bundle.reader import Bundle
    from airgap.sources.layout import Layout

    if inputs.is_file(path) or not path.is_dir():
        return Bundle.open(path, options.public_keys(keys))
    if keys:
        raise InputError(f"{path} is a folder, and only bundles are signed", hint="omit --key")
    return nullcontext(Layout(path))


def warn_of_key(content: "Content", console: Console) -> None:
    """Warn of a bundle that others on this host can read although it holds a private key."""
    from airgap.bundle.format import KEY
    from airgap.bundle.reader import Bundle

    if not isinstance(content, Bundle) or all(m.name != KEY for m in content.members()):
        return
    mode = content.path.stat().st_mode
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        console.warn(
            f"others on this host can read {content.path}, and it holds the registry's private key:"
            f" chmod 600 {content.path}"
        )
