"""The command line: parse, call, print, exit. The only reader of the environment.

One module for each command. Results go to stdout, everything else to stderr. What a use case
needs is imported when it is called, so that ``--help`` stays quick.
"""

import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import click

from airgap import __version__
from airgap.cli.inspect import inspect, verify
from airgap.cli.options import Terminated
from airgap.cli.pack import pack
from airgap.cli.push import push
from airgap.cli.serve import serve
from airgap.cli.sign import keygen, sign
from airgap.cli.unpack import unpack
from airgap.cli.upkeep import status, teardown, trust, up
from airgap.console import printable
from airgap.errors import AirgapError

_INTERRUPTED = 128 + signal.SIGINT
_TERMINATED = 128 + signal.SIGTERM
_AGAIN = "run the same command again: it goes on where it stopped"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="airgap %(version)s")
def cli() -> None:
    """Carry container images across an air gap.

    On a connected machine, pack what you need into one file; on an isolated host, unpack it
    into a kind cluster whose own registry serves every image under its usual name.

    \b
    Example:
      airgap pack images.txt -o bundle.tar      where there is a network
      airgap unpack bundle.tar                  where there is none
    """


_COMMANDS = (
    pack, unpack, inspect, verify, push, serve, sign, keygen, status, up, trust, teardown,
)  # fmt: skip
for _command in _COMMANDS:
    cli.add_command(_command)


def main() -> NoReturn:
    """Run the command line and exit with the code that docs/exit-codes.md lists."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code: the one place where errors are caught."""
    try:
        cli.main(arguments, prog_name="airgap", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except BaseException as error:  # the last resort, so that nobody meets a traceback
        if "-vv" in arguments or arguments.count("-v") > 1:
            traceback.print_exc()
        return _explain(error)
    return 0


def _explain(error: BaseException) -> int:  # noqa: PLR0911  (one for each kind)
    match error:
        case click.UsageError(ctx=click.Context(command_path=path)):
            return _tell(error.format_message(), f"see {path} --help", error.exit_code)
        case click.ClickException():
            return _tell(error.format_message(), "see airgap --help", error.exit_code)
        case AirgapError():
            return _tell(error.message, error.hint, error.exit_code)
        case KeyboardInterrupt() | click.Abort():
            return _tell("interrupted", _AGAIN, _INTERRUPTED)
        case Terminated():
            return _tell("terminated", _AGAIN, _TERMINATED)
        case BrokenPipeError():
            # The reader of our output left; the interpreter must not complain of that at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + signal.SIGPIPE
    text = f"a fault in airgap: {type(error).__name__}: {error}"
    return _tell(text, "run again with -vv and report what it says", 1)


def _tell(message: str, hint: str, code: int) -> int:
    first, *rest = message.split("\n")
    lines = [f"error: {first}", *rest, *([f"hint: {hint}"] if hint else [])]
    for line in lines:
        click.echo(printable(line), err=True)
    return code


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
