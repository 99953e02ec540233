"""What a person and a program are told of an error."""

import contextlib
import errno
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import click

from airgap.cli import results
from airgap.console import QUIET, JsonLines, printable
from airgap.errors import AirgapError, ResourceError

VERBOSE, AS_JSON, PROGRESS = "airgap.verbose", "airgap.json", "airgap.progress"
"""What the options -v, --json and --progress leave in a context's ``meta``."""
_AGAIN = "run the same command again: it goes on where it stopped"
_HINTS = {
    3: "correct that, then run the same command again",
    4: "do not use it before you know who made it",
    5: "look at network and proxy, then run the same command again",
    6: "mend that on this host, then run the same command again",
    7: "airgap status says how the cluster is; then run the same command again",
    8: "wait until the other run has ended",
    9: "push without --check",
}
"""The next step where an error has none of its own, by exit code."""


class Terminated(BaseException):
    """A signal came that ends programs: unwind as for Ctrl-C, so that files are left in order."""

    def __init__(self, number: int = signal.SIGTERM) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is told: what, the next step, and the exit code."""

    message: str
    hint: str
    exit_code: int

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints where a command has no result."""
        return {"error": self.message, "hint": self.hint or None, "exit_code": self.exit_code}


def of(error: BaseException) -> Failure:  # noqa: PLR0911  (one for each kind)
    """Say what any exception means to the person who ran the command."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            return Failure(error.format_message(), "", error.exit_code)
        case click.UsageError(ctx=click.Context(command_path=path)):
            return Failure(error.format_message(), f"see {path} --help", error.exit_code)
        case click.ClickException():
            return Failure(error.format_message(), "see airgap --help", error.exit_code)
        case AirgapError():
            hint = error.hint or _HINTS.get(error.exit_code, "")
            return Failure(error.message, hint, error.exit_code)
        case KeyboardInterrupt() | click.Abort():
            return Failure("interrupted", _AGAIN, 128 + signal.SIGINT)
        case Terminated():
            said = "terminated" if error.number == signal.SIGTERM else "the terminal was closed"
            return Failure(said, _AGAIN, 128 + error.number)
    lack = _lack(error)
    if lack:
        return of(lack)
    text = f"a fault in airgap: {type(error).__name__}: {error}"
    return Failure(text, "run again with -vv and report what it says", 1)


def _lack(error: BaseException) -> ResourceError | None:
    """Return our error where the host itself had no more to give, else None."""
    match error:
        case MemoryError():
            return ResourceError(
                "this host has no more memory for airgap",
                hint="close other programs or raise the limit (ulimit -v), then run it again",
            )
        case RuntimeError() if "new thread" in str(error):
            return ResourceError(
                "this host allows no further thread",
                hint="raise the limit (ulimit -u, or the container's pids), or --connections 1",
            )
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            return ResourceError(
                "this host allows no further open file",
                hint="raise the limit with ulimit -n, or use fewer --connections",
            )
        case OSError():
            what = f"{error.filename}: " if error.filename else ""
            return ResourceError(
                f"{what}{error.strerror or error}", hint="mend that, then run the same again"
            )
    return None


def wants_traceback(meta: Mapping[str, object]) -> bool:
    """Tell whether -vv was given to the command."""
    count = meta.get(VERBOSE, 0)
    return isinstance(count, int) and count > 1


def tell(told: Failure, arguments: Sequence[str], meta: Mapping[str, object]) -> None:
    """Write an error and its hint on stderr; one that nobody can read is no second error."""
    asked = meta.get(PROGRESS, _last_progress(_options(arguments)))
    if asked == "json":
        JsonLines().event("error", QUIET, **told.to_json())
        return
    if told.exit_code == click.UsageError.exit_code and told.message.startswith("Usage:"):
        lines = told.message.split("\n")  # bare `airgap`: the help itself
    else:
        first, *rest = told.message.split("\n")
        lines = [f"error: {first}", *rest, *([f"hint: {told.hint}"] if told.hint else [])]
    with contextlib.suppress(OSError, ValueError):
        results.tell("\n".join(map(printable, lines)))


def report(told: Failure, arguments: Sequence[str], meta: Mapping[str, object]) -> int:
    """Print the failure as JSON too where JSON was asked for and no result was printed.

    Returns:
        The exit code.
    """
    asked = meta.get(AS_JSON, "--json" in _options(arguments))
    if asked and not meta.get(results.WRITTEN):
        with contextlib.suppress(OSError, AirgapError):
            results.write_json(told.to_json())
    return told.exit_code


def _options(arguments: Sequence[str]) -> Sequence[str]:
    """Return what stands where options may: of a usage that is wrong nothing else is known."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _last_progress(options: Sequence[str]) -> str:
    """Return what --progress was given, in either spelling."""
    joined = " ".join(options).replace("--progress=", "--progress ").split(" ")
    given = [value for name, value in pairwise(joined) if name == "--progress"]
    return given[-1] if given else ""
