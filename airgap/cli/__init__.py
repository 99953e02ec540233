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
from airgap.cli.pack import pack
from airgap.cli.push import push
from airgap.cli.unpack import unpack
from airgap.console import printable
from airgap.errors import AirgapError

_INTERRUPTED = 128 + signal.SIGINT
_TERMINATED = 128 + signal.SIGTERM


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


for _command in (pack, unpack, push):
    cli.add_command(_command)


class _Terminated(BaseException):
    """SIGTERM came: unwind as for Ctrl-C, so that files are left in order."""


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
    except click.ClickException as error:
        command = (
            error.ctx.command_path
            if isinstance(error, click.UsageError) and error.ctx
            else "airgap"
        )
        return _tell(error.format_message(), f"see {command} --help", error.exit_code)
    except AirgapError as error:
        _traceback(arguments)
        return _tell(error.message, error.hint, error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _tell("interrupted", "run the same command again to go on", _INTERRUPTED)
    except _Terminated:
        return _tell("terminated", "run the same command again to go on", _TERMINATED)
    except BrokenPipeError:
        # The reader of our output left; the interpreter must not complain about that again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _TERMINATED
    except Exception as error:
        _traceback(arguments)
        text = f"{type(error).__name__}: {error}"
        return _tell(f"a fault in airgap: {text}", "run again with -vv and report what it says", 1)
    return 0


def _tell(message: str, hint: str, code: int) -> int:
    first, *rest = message.split("\n")
    lines = [f"error: {first}", *rest, *([f"hint: {hint}"] if hint else [])]
    for line in lines:
        click.echo(printable(line), err=True)
    return code


def _traceback(arguments: list[str]) -> None:
    if "-vv" in arguments or arguments.count("-v") > 1:
        traceback.print_exc()


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated
