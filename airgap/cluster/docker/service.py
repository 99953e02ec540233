"""Podman's API service, for one run: it ends with airgap, however airgap ends.

A shell waits for the end of a pipe whose other side is this process's alone: the kernel closes it
also where this process is killed. Neither a unit of systemd nor a limit of time is needed.
"""

import os
import shutil
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

from airgap.cluster.command import children
from airgap.errors import ResourceError

_RUN = Path("/run")
_POLL_SECONDS, _END_SECONDS = 0.05, 10
# The shell becomes podman; its child ends that, by force where it must, and removes the folder. Who
# is meant is known by the folder's name in its command line, which a process that ended has not.
_SCRIPT = """
exec 3<&0 </dev/null
there() { grep -qs "$1" /proc/$$/cmdline; }
( read -r _ <&3
  n=0
  while there "$1" && [ $n -lt 20 ]; do
    [ $n -gt 0 ] || kill $$
    sleep 0.1
    n=$((n + 1))
  done
  ! there "$1" || kill -9 $$
  rm -rf "$1" ) >/dev/null 2>&1 &
exec 3<&-
exec podman system service --time=0 "unix://$1/podman.sock"
"""


class Service:
    """The API service while it runs.

    Attributes:
        address: ``unix:///…``.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self.address = f"unix://{folder}/podman.sock"
        self._process = process
        self._end = weakref.finalize(self, _end, process, folder)

    @classmethod
    def start(
        cls,
        environment: Mapping[str, str],
        seconds: float,
        among: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> "Service":
        """Start it, and wait until it listens.

        Args:
            environment: what podman runs in.
            seconds: how long to wait.
            among: where its folder is made.
            sleep: waits.

        Raises:
            ResourceError: podman does not start it; carries its words.
        """
        # A socket's path has 107 bytes at the most, and TMPDIR may be long.
        place = among or (_RUN if os.access(_RUN, os.W_OK) else None)
        folder = Path(tempfile.mkdtemp(prefix="airgap-podman-", dir=place))
        log = folder / "log"
        try:
            with log.open("wb") as said:
                process = subprocess.Popen(
                    ["/bin/sh", "-c", _SCRIPT, "airgap", str(folder)],
                    env=children(environment), start_new_session=True,
                    stdin=subprocess.PIPE, stdout=said, stderr=said,
                )  # fmt: skip
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        found = cls(process, folder)
        for _ in range(int(seconds / _POLL_SECONDS)):
            if (folder / "podman.sock").exists():
                return found
            if process.poll() is not None:
                break
            sleep(_POLL_SECONDS)
        words = log.read_text("utf-8", "replace").strip().splitlines()[-1:] if log.exists() else []
        found.end()
        raise ResourceError(
            f"podman system service does not start: {' '.join(words) or 'it says nothing'}",
            hint="see whether podman info works, then run the same command again",
        )

    def end(self) -> None:
        """End it, and wait until it has ended."""
        self._end()


def _end(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)  # whoever is first
