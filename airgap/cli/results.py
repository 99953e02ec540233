"""Results on stdout: the one place through which they pass.

A result that cannot be written is an error of its own, since a pipeline that reads nothing must
not go on as if all were well. A reader that left early is none.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO

import click

from airgap.console import printable
from airgap.errors import ResourceError

WRITTEN = "airgap.written"
"""Left in a context's ``meta`` once a result was written."""


JSON_VERSION: Final = 1
"""Grows when a member of any output is renamed, removed or means something else."""


def echo(text: str = "") -> None:
    """Write a line of the result.

    Raises:
        ResourceError: stdout is closed, or takes no more.
        BrokenPipeError: whoever read it left.
    """
    context = click.get_current_context(silent=True)
    if context:
        context.meta[WRITTEN] = True
    if sys.stdout is None:
        raise _unwritten("it is closed")
    try:
        click.echo(text)  # noqa: TID251  (this is the place)
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up(sys.stdout)
        raise _unwritten(error.strerror or str(error)) from error


def lines(texts: Iterable[str]) -> None:
    """Write lines of the result; control characters, which may be foreign, are replaced."""
    echo("\n".join(map(printable, texts)))


def write_json(value: Mapping[str, Any]) -> None:
    """Write the result as one JSON object, as docs/reference/json.md describes it."""
    echo(json.dumps({"version": JSON_VERSION, **value}, indent=1))


def tell(text: str) -> None:
    """Write to stderr; a closed one is nothing."""
    if sys.stderr is not None:
        click.echo(text, err=True)  # noqa: TID251  (this is the place)


def give_up(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: the interpreter must not stumble at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, stream.fileno())
    finally:
        os.close(null)


def _unwritten(why: str) -> ResourceError:
    return ResourceError(
        f"the result could not be written to standard output: {why}",
        hint="what the command was asked to do is done; give its output a place that takes it",
    )
