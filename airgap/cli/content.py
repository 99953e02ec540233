"""Images at hand that a command is given: a bundle, or the folder of an OCI image layout."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airgap.cli import options
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
