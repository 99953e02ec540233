"""Turn: one run at a time for a cluster name on a docker daemon.

The turn is a name in the kernel (an abstract unix socket): whoever binds it has it, any user can,
and the kernel takes it back when the process ends, however that happens. Who has it is read from
the socket's peer credentials. It is known within one network namespace: a run inside a container
with a network of its own, which was handed the daemon's socket, is not seen.
"""

import hashlib
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from airgap.cluster.ports import Clock
from airgap.errors import BusyError
from airgap.progress import Progress

_POLL_SECONDS = 1.0
_BACKLOG = 16
_CREDENTIALS = struct.Struct("3i")


@contextmanager
def turn(
    daemon: str, cluster: str, progress: Progress, clock: Clock, *, wait: bool
) -> Iterator[None]:
    """Have the turn for a cluster name while the block runs.

    Args:
        daemon: the docker daemon's own ID, from ``docker info``.
        cluster: the name.
        progress: is told whom this run waits for.
        clock: what waiting goes by.
        wait: for another run to end, rather than to fail.

    Raises:
        BusyError: another run has it; names that.
    """
    key = hashlib.sha256(f"{daemon}\0{cluster}".encode()).hexdigest()[:32]
    address = f"\0airgap-{key}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as held:
        told = False
        while not _bind(held, address):
            if not wait:
                raise BusyError(
                    f"another airgap is at work on the cluster {cluster}: {_holder(address)}",
                    hint="wait until it has ended, or let this one wait with --wait",
                )
            if not told:
                progress.note(f"waiting for another airgap: {_holder(address)}")
                told = True
            clock.sleep(_POLL_SECONDS)
        yield


def _bind(held: socket.socket, address: str) -> bool:
    try:
        held.bind(address)
    except OSError:
        return False
    held.listen(_BACKLOG)
    return True


def _holder(address: str) -> str:
    """Say who has the turn: pid, command, user, since when."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.setblocking(False)
            asking.connect(address)
            size = _CREDENTIALS.size
            raw = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except OSError:
        return "it is about to begin or to end"
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    if pid <= 0:
        return "in another container"
    words = [f"pid {pid}"]
    with suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        words.append(b" ".join(line).decode("utf-8", "replace")[:200])
    with suppress(OSError, ValueError, IndexError):
        words.append(f"since {_begun(pid):%Y-%m-%d %H:%M:%S} UTC")
    if uid != os.geteuid():
        words.append(f"of uid {uid}")
    return ", ".join(words)


def _begun(pid: int) -> datetime:
    """Return when a process began (proc(5): field 22 of stat, in ticks since the boot)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[19])
    boot = next(
        int(line.split()[1])
        for line in Path("/proc/stat").read_text().splitlines()
        if line.startswith("btime ")
    )
    return datetime.fromtimestamp(boot + ticks / os.sysconf("SC_CLK_TCK"), UTC)
