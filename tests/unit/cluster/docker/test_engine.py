import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("left_behind", [False, True])
def test_a_daemon_that_does_not_run_is_to_be_started(tmp_path: Path, left_behind: bool) -> None:
    """Its socket is missing, or was left behind: nothing broke off, since nothing began.

    A process of its own, since the docker package leaves a socket that it could not connect.
    """
    path = tmp_path / "docker.sock"
    if left_behind:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    program = tmp_path / "docker"  # looked for on PATH, and not run: DOCKER_HOST says where to go
    program.touch(0o755)
    ran = subprocess.run(
        [sys.executable, "-c", "from airgap.cli import main; main()", "status"],
        env={**os.environ, "DOCKER_HOST": f"unix://{path}", "PATH": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 6
    error, hint = ran.stderr.strip().split("\n")
    assert error.startswith("error: docker does not answer: ")
    assert hint.startswith("hint: start the docker daemon")
