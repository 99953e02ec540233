"""unpack killed at random moments: the next run goes on, and teardown leaves the host as before.

AIRGAP_KILLS=20 AIRGAP_LAB_HOST=podman-forky scripts/test tests/e2e/test_kills.py

It takes a minute a kill, so scripts/test leaves it out. AIRGAP_KILLS_SEED plays a run again.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import REPO, Lab
from tests.e2e.host import Host
from tests.support import schema

TIMES = int(os.environ["AIRGAP_KILLS"])
SEED = int(os.environ.get("AIRGAP_KILLS_SEED", time.time()))
IN_A_ROW = 4
"""How many kills come one after the other before a run may end."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(7200)]


@pytest.fixture
def host(lab: Lab, tmp_path: Path) -> Iterator[Host]:
    lab.upstreams("start")
    found = Host(lab, tmp_path)
    yield found
    found.delete_cluster()


def test_killed_at_random_moments(host: Host, single_file: Path) -> None:
    bundle = host.pack(single_file, "bundle", "nginx:1.22\nquay.io/org/app:1.0\n")
    host.do("tar", "xf", bundle, "airgap/bin")
    (host.folder / "tmp").mkdir()
    rng = random.Random(SEED)
    print(f"seed {SEED}")

    before = look(host)
    began = time.monotonic()
    finish(host, bundle, before)
    whole = time.monotonic() - began
    left = TIMES
    while left:
        for _ in range(min(IN_A_ROW, left)):
            if not kill(host, bundle, rng.uniform(0, whole)):
                break
            left -= 1
        finish(host, bundle, before)


def unpack(host: Host, bundle: Path) -> list[object]:
    own = ("env", f"HOME={host.folder}", f"TMPDIR={host.folder / 'tmp'}", host.program)
    return [*own, "unpack", bundle, "--kind-patch", host.lab.env["kind_patch"], "--json"]


def kill(host: Host, bundle: Path, seconds: float) -> bool:
    """Kill an unpack by force after so long; tells whether it was still at work."""
    command = [REPO / "scripts/lab", "exec", *unpack(host, bundle)]
    process = subprocess.Popen(
        list(map(str, command)), cwd=host.folder, text=True, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    steps = said.strip().splitlines()
    print(f"{process.returncode} after {seconds:.1f} s: {steps[-1] if steps else 'nothing said'}")
    assert process.returncode in {0, -signal.SIGKILL}, said
    return process.returncode != 0


def finish(host: Host, bundle: Path, before: dict[str, list[str]]) -> None:
    """Unpack to the end, run a pod, and remove all: the host is as it was before."""
    schema.read("unpack", host.lab.isolated(*unpack(host, bundle), cwd=host.folder).stdout)
    host.runs("one", "nginx:1.22")
    host.is_well()
    host.airgap("teardown", "--yes")
    for _ in range(15):  # what watched a container ends after it
        if (after := look(host)) == before:
            return
        time.sleep(1)
    assert after == before


def look(host: Host) -> dict[str, list[str]]:
    """What there is on the host, by kind."""
    more = ("--external",) if host.engine == "podman" else ()
    asked = {
        "containers": (host.engine, "ps", "-a", *more, "--format", "{{.Names}}"),
        "volumes": (host.engine, "volume", "ls", "-q"),
        "networks": (host.engine, "network", "ls", "--format", "{{.Name}}"),
        "images": (host.engine, "images", "--format", "{{.Repository}}:{{.Tag}}"),
        "files": ("sh", "-c", "ls -d /run/airgap* /etc/docker/certs.d/*; cat /etc/hosts; true"),
    }
    found = {what: sorted(host.do(*command).split()) for what, command in asked.items()}
    pids = subprocess.check_output(["ip", "netns", "pids", host.lab.env["namespace"]], text=True)
    names = [Path(f"/proc/{pid}/comm") for pid in pids.split()]
    return found | {"processes": sorted(name.read_text() for name in names if name.exists())}
