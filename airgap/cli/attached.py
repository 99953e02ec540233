"""Options of what is attached to images: signatures, attestations, SBOMs."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airgap.cli import options

if TYPE_CHECKING:
    from airgap.signatures.cosign import ImageKey


def attached_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of pack; they are handed on as ``attached``, for `Request`."""

    @functools.wraps(function)
    def call(
        *args: Any, without_attached: bool, max_attached: int, image_keys: tuple[Path, ...],
        **rest: Any,
    ) -> None:  # fmt: skip
        if without_attached and image_keys:
            raise click.UsageError("--image-key looks at signatures: not with --without-attached")
        chosen = {
            "attached": not without_attached,
            "max_attached": max_attached << 20,
            "image_keys": read_keys(image_keys),
        }
        function(*args, attached=chosen, **rest)

    result: Callable[..., None] = call
    for option in (
        image_key_option,
        click.option(
            "--max-attached", type=click.IntRange(1), default=1024, show_default=True,
            metavar="MIB", help="How much of these an image may have.",
        ),
        click.option(
            "--without-attached", is_flag=True, help="Leave out signatures, attestations and SBOMs."
        ),
    ):  # fmt: skip
        result = option(result)
    return result


def image_key_option(function: Callable[..., None]) -> Callable[..., None]:
    """Add --image-key, which `read_keys` reads."""
    return click.option(
        "--image-key", "image_keys", type=options.FILE, multiple=True, metavar="KEY.pub",
        help="Ask that each image has a cosign signature by this key.",
    )(function)  # fmt: skip


def read_keys(paths: tuple[Path, ...]) -> "tuple[ImageKey, ...]":
    """Read the keys that were given.

    Raises:
        InputError: one is not there.
        TrustError: one is no public key of a kind that is known.
    """
    from airgap.signatures.cosign import ImageKey

    return tuple(map(ImageKey.load, paths))
