"""Runs one command and tells what it took."""

import contextlib
import json
import os
import shlex
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_LIMIT = 900  # seconds that a command may take


class FailedError(Exception):
    """A command failed: what it would have been compared with is worth nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one run of a command took: seconds with and without ``sync``, processor, memory."""

    seconds: float
    without_sync: float
    cpu_seconds: float
    max_rss: int

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Command:
    """What is run: a program with arguments, in a folder, with more environment."""

    arguments: Sequence[str]
    folder: Path
    environment: dict[str, str]

    def run(self, tool: Path) -> Reading:
        """Run it.

        Raises:
            FailedError: it did not end with 0.
        """
        out = self.folder / "clock.json"
        log = self.folder / "clock.log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.environment}
        with log.open("wb") as file:
            process = subprocess.Popen(
                [str(tool), "clock", str(out), *self.arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                start_new_session=True,
            )
            try:
                process.wait(_LIMIT)
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)  # a group of our own: the command and its children
                process.wait()
                raise
        reading = json.loads(out.read_text()) if out.exists() else {"code": process.returncode}
        if reading.pop("code") != 0:
            tail = log.read_text(errors="replace")[-800:]
            raise FailedError(f"{shlex.join(self.arguments)[:200]}: {tail}")
        return Reading(**reading)


def median(readings: Sequence[Reading]) -> Reading:
    """Return the medians, each figure by itself."""
    return Reading(
        statistics.median(r.seconds for r in readings),
        statistics.median(r.without_sync for r in readings),
        statistics.median(r.cpu_seconds for r in readings),
        int(statistics.median(r.max_rss for r in readings)),
    )
