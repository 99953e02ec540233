"""Running a program: an argument list, never a shell, and an error that can be pasted into one."""

import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import IO

from airgap.errors import ClusterError, ResourceError

_TAIL_LINES = 15
# The shell becomes the program; its child waits for the end of a pipe whose other side is airgap's
# alone, which the kernel closes also where airgap is killed. Who is meant is known by its words.
_TIED = """
exec 3<&0 </dev/null
( read -r _ <&3; ! grep -qsF "$1" /proc/$$/cmdline || kill -9 0 ) >/dev/null 2>&1 &
exec 3<&-
exec "$@"
"""
_TOLD = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|KUBECONFIG|KIND_[A-Z_]+"
    r"|DOCKER_(HOST|CONTEXT|CONFIG|TLS|TLS_VERIFY|CERT_PATH|API_VERSION)"
    r"|(http|https|no|all)_proxy|(HTTP|HTTPS|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR)"
    r"|CONTAINERS_[A-Z_]+|PODMAN_[A-Z0-9_]+|REGISTRY_AUTH_FILE"
    # where docker's helpers find the passwords
    r"|XDG_[A-Z_]+|DBUS_SESSION_BUS_ADDRESS|GNUPGHOME|PASSWORD_STORE_DIR"
)


def run(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes | Iterable[bytes | memoryview] = b"",
    seconds: float = 600,
    tied: bool = False,
) -> bytes:
    """Run a program and return what it wrote to stdout.

    It runs in a session of its own: where it is given up, its children end with it, and a Ctrl-C
    at the terminal reaches airgap alone, which then ends it in an orderly way.

    Args:
        arguments: the program and its arguments.
        env: where its environment is taken from; None for this process's. It gets no more of it
            than it needs: a bundle brings a program, and this process may know secrets.
        stdin: what it reads; an iterable is written as it comes.
        seconds: how long it may take.
        tied: it reads nothing, and ends with this process, also where that is killed.

    Raises:
        ResourceError: the program does not exist or may not be run.
        ClusterError: it failed or took too long; carries the command and its last lines.
    """
    told = children(os.environ if env is None else env)
    words = ["/bin/sh", "-c", _TIED, "airgap", *arguments] if tied else list(arguments)
    try:
        process = subprocess.Popen(
            words, env=told, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        raise ResourceError(
            f"cannot run {arguments[0]}: {error.strerror}", hint=f"install {arguments[0]}"
        ) from error
    with process:
        try:
            out, err = _communicate(process, arguments, None if tied else stdin, seconds)
        except BaseException:
            _kill(process)
            raise
    if process.returncode != 0:
        raise ClusterError(
            f"{shlex.join(arguments)} failed ({process.returncode}):\n{_tail(err or out)}",
            hint="the lines above are the program's own last words",
        )
    return out


def children(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what programs are told of an environment."""
    return {name: value for name, value in environment.items() if _TOLD.fullmatch(name)}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a program and all it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _communicate(
    process: "subprocess.Popen[bytes]",
    arguments: Sequence[str],
    stdin: bytes | Iterable[bytes | memoryview] | None,
    seconds: float,
) -> tuple[bytes, bytes]:
    """Feed a stream from a thread, so that neither side waits for the other's full pipe.

    Without one, the pipe stays open until the program has ended.
    """
    feeder = None
    pipe, process.stdin = process.stdin, None  # communicate must not close it
    if stdin is not None:
        feeder = _Feeder(process, pipe, [stdin] if isinstance(stdin, bytes) else stdin)
        feeder.start()
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        late = f"did not end within {seconds:.0f} s"
        if seconds < 1:  # of a budget that others share
            late = "had no time left: what was asked before took it, on a machine that is too busy"
        raise ClusterError(f"{shlex.join(arguments)} {late}") from error
    finally:
        if pipe and feeder is None:
            pipe.close()
    if feeder:
        feeder.join()
        if feeder.error:
            raise feeder.error
    return out, err


class _Feeder(threading.Thread):
    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        pipe: IO[bytes] | None,
        chunks: Iterable[bytes | memoryview],
    ) -> None:
        super().__init__(daemon=True)
        self._pipe, self._chunks, self._process = pipe, chunks, process
        self.error: BaseException | None = None

    def run(self) -> None:
        assert self._pipe is not None  # noqa: S101  (opened with PIPE)
        try:
            with suppress(BrokenPipeError):  # the program ended: its exit code tells why
                for chunk in self._chunks:
                    self._pipe.write(chunk)
        except BaseException as error:
            # A wrong blob must not end as a complete input.
            _kill(self._process)
            self.error = error
        finally:
            with suppress(OSError):
                self._pipe.close()


def _tail(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().split("\n")
    return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])
