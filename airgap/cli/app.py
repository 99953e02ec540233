"""The group of commands, and the one place where errors are caught."""

import gc
import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import click
from click.shell_completion import shell_complete

from airgap import __version__
from airgap.cli import failure, results
from airgap.cli.commands.diff import diff
from airgap.cli.commands.doctor import doctor
from airgap.cli.commands.export import export
from airgap.cli.commands.help import help_
from airgap.cli.commands.inspect import inspect, verify
from airgap.cli.commands.pack import pack
from airgap.cli.commands.push import push
from airgap.cli.commands.serve import serve
from airgap.cli.commands.sign import keygen, sign
from airgap.cli.commands.unpack import unpack
from airgap.cli.commands.upkeep import renew, status, teardown, trust, up
from airgap.cli.groups import Groups
from airgap.transfer.stop import Clock

_COMPLETE = "_AIRGAP_COMPLETE"
"""The variable by which click's completion scripts ask."""
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_THRESHOLDS = (50_000, 20, 20)
"""Of the garbage collector: modules, options and tables are made by the thousand, and stay."""
_HELP = """Carry container images across an air gap.

On a connected machine, pack what you need into one file; on an isolated host, unpack it into a
kind cluster whose own registry serves every image under its usual name.

\b
Example:
  airgap pack images.txt -o bundle.tar      where there is a network
  airgap unpack bundle.tar                  where there is none
  airgap help                               all of the documentation
"""


@click.group(cls=Groups, context_settings=_SETTINGS, help=_HELP)
@click.version_option(__version__, message="airgap %(version)s")
def cli() -> None:
    """Carry container images across an air gap."""


cli.add_group("Where there is a network", (pack,))
cli.add_group("Anywhere", (inspect, diff, verify, sign, keygen, push, serve, export, help_))
cli.add_group("On the isolated host", (doctor, unpack, status, up, trust, renew, teardown))


def main() -> NoReturn:
    """Run the command line and exit with the code that docs/exit-codes.md lists."""
    _open_closed_descriptors()
    gc.set_threshold(*_THRESHOLDS)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="replace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup, for one, ignores it
            signal.signal(number, _terminate)
    if instruction := os.environ.get(_COMPLETE):
        sys.exit(shell_complete(cli, {}, "airgap", _COMPLETE, instruction))
    code = run(sys.argv[1:])
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            results.give_up(stream)  # else the interpreter tries again, and ends with 120
    gc.freeze()  # the end of the process frees all at once: it need not be searched for circles
    sys.exit(code)


def run(arguments: list[str], clock: Clock | None = None) -> int:
    """Run one command and return its exit code: the one place where errors are caught.

    Args:
        arguments: of the command line.
        clock: what waits go by, where it is not this machine's.
    """
    meta: dict[str, object] = {}
    try:
        with cli.make_context("airgap", list(arguments), obj=clock) as context:
            meta = context.meta
            cli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        results.give_up(sys.stdout)
        return 128 + signal.SIGPIPE
    except BaseException as error:  # the last resort, so that nobody meets a traceback
        if failure.wants_traceback(meta):
            traceback.print_exc()
        told = failure.of(error)
        failure.tell(told, arguments, meta)
        return failure.report(told, arguments, meta)
    return 0


def _open_closed_descriptors() -> None:
    """Fill 0, 1 and 2 where the caller closed them, so that no file of ours takes their place.

    ``sys.stdout`` stays None then: `results` says that a result could not be written.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    raise failure.Terminated(number)
