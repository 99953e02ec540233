import os
import subprocess
import sys
from pathlib import Path

import pytest

from airgap.cluster.turn import turn
from airgap.errors import BusyError
from tests.support.cluster import FakeClock, Told

HOLD = (
    "import sys\n"
    "from airgap.cluster.ports import Clock\nfrom airgap.cluster.turn import turn\n"
    "from airgap.progress import Silent\n"
    "with turn(sys.argv[1], 'kind', Silent(), Clock(), wait=False):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


def take(daemon: str) -> None:
    with turn(daemon, "kind", Told(), FakeClock().clock(), wait=False):
        pass


def test_another_process_is_named_and_its_end_frees_the_turn(tmp_path: Path) -> None:
    daemon = str(tmp_path)
    command = [sys.executable, "-c", HOLD, daemon]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
        assert held.stdout
        assert held.stdout.readline() == b"held\n"
        with pytest.raises(BusyError) as caught:
            take(daemon)
        assert f"the cluster kind: pid {held.pid}, {sys.executable} -c" in caught.value.message
        assert "since 20" in caught.value.message
        assert caught.value.exit_code == 8
        take(daemon + "another daemon")
        held.kill()
        held.wait()
        take(daemon)


@pytest.mark.needs("root")
def test_another_user_s_run_is_seen(tmp_path: Path) -> None:
    with turn("daemon-of-two", "kind", Told(), FakeClock().clock(), wait=False):
        pid = os.fork()
        if pid == 0:
            os.setuid(65534)
            try:
                take("daemon-of-two")
            except BusyError as error:
                os._exit(0 if "of uid 0" in error.message else 1)
            os._exit(2)
        assert os.waitpid(pid, 0)[1] == 0
