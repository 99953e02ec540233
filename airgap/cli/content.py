"""Images at hand that a command is given: a bundle, or the folder of an OCI image layout.

What needs more than images takes a bundle alone, and says so of a layout.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airgap.console import Console
from airgap.errors import InputError
from airgap.files import inputs

if TYPE_CHECKING:
    from airgap.bundle.reader import Bundle
    from airgap.signatures.minisign import PublicKey
    from airgap.sources.layout import Layout

    Content = Bundle | Layout

CONTENT = click.Path(readable=False, path_type=Path)
"""A bundle or a layout, which `open_content` opens."""


class _BundleFile(click.Path):
    """The file of a bundle; a folder is refused at once, a layout with what takes it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path as it was given.

        Raises:
            InputError: it is a folder.
        """
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if inputs.is_file(path) or not path.is_dir():
            return path
        kind, hint = "a folder", "name the file that airgap pack wrote"
        if inputs.is_file(path / "oci-layout"):
            kind = "an OCI image layout"
            hint = (
                f"pack it by a line oci:{path} in images.txt; push, serve, export, inspect,"
                " verify and diff take a layout as it is"
            )
        raise InputError(
            f"{path} is {kind}, and airgap {ctx and ctx.info_name} takes a bundle", hint=hint
        )


BUNDLE = _BundleFile(readable=False, path_type=Path)
"""A bundle alone."""


def open_content(path: Path, keys: "Sequence[PublicKey]") -> AbstractContextManager["Content"]:
    """Open what a command is given.

    Raises:
        InputError: it is neither, or keys are given for a folder.
        TrustError: no signature by one of the keys holds.
    """
    from airgap.bundle.reader import Bundle
    from airgap.sources.layout import Layout

    if inputs.is_file(path) or not path.is_dir():
        return Bundle.open(path, keys)
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
