"""Runs of pack that are killed at random moments; a process of its own, since it forks.

    python -m tests.support.killed REFERENCE BUNDLE TIMES SEED

prints a line of JSON for each run that was killed: what had come, and what the journal has.
"""

import json
import mmap
import os
import random
import signal
import struct
import sys
import threading
import time
from pathlib import Path

from airgap.bundle.partial.journal import Journal
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.pack.result import Result
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.registry import RegistrySource
from airgap.spec.spec import Spec
from airgap.spec.wanted import Wanted

_COUNT = struct.Struct("q")
_LONGEST_SECONDS = 0.2


class Shared(Silent):
    """Counts what is there in memory that outlives the process."""

    def __init__(self) -> None:
        self._memory, self._lock = mmap.mmap(-1, _COUNT.size), threading.Lock()

    @property
    def count(self) -> int:
        found: int = _COUNT.unpack_from(self._memory)[0]
        return found

    def advance(self, count: int) -> None:
        with self._lock:
            _COUNT.pack_into(self._memory, 0, self.count + count)


def run(reference: str, bundle: Path, progress: Silent) -> Result:
    wanted = Wanted(Reference.parse(reference))
    spec = Spec((wanted,), platforms=(Platform("linux", "amd64"),))
    with RegistrySource(Options()) as source:
        return pack(Request(spec, (wanted,), bundle), source, progress)


def held(bundle: Path) -> list[list[tuple[int, int]]]:
    """Return the ranges that the journal has of each blob."""
    path = bundle.with_name(bundle.name + ".partial.journal")
    if not path.exists():
        return []
    journal = Journal(path)
    found = [[r for r in held.ranges if r[0] < r[1]] for held in journal.read().values()]
    journal.close()
    return found


def killed(reference: str, bundle: Path, chance: random.Random) -> Shared:
    """Begin a run, and kill it a moment after its first byte."""
    progress = Shared()
    process = os.fork()
    if not process:
        try:
            run(reference, bundle, progress)
        finally:
            os._exit(0)
    before = sum(end - start for ranges in held(bundle) for start, end in ranges)
    while progress.count <= before and not os.waitid(
        os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT
    ):
        time.sleep(0.001)
    time.sleep(chance.uniform(0, _LONGEST_SECONDS))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return progress


def main(reference: str, name: str, times: str, seed: str) -> None:
    chance, bundle = random.Random(int(seed)), Path(name)
    for _ in range(int(times)):
        progress = killed(reference, bundle, chance)
        line = {"came": progress.count, "held": held(bundle), "done": bundle.exists()}
        print(json.dumps(line), flush=True)
        bundle.unlink(missing_ok=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
