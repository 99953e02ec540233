"""The demo, as the README says it: from a checkout, and it leaves nothing running."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import REPO, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_the_demo(tmp_path: Path) -> None:
    done = run(REPO / "scripts/demo", stdin=subprocess.DEVNULL)
    assert "what came back makes the very same file, byte for byte" in done.stdout
    assert f"The bundle is {REPO}/demo.tar" in done.stdout
    assert run("pgrep", "-f", "airgap serve", check=False).stdout == ""
    (REPO / "demo.tar").unlink()
