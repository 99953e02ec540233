"""The case file: airgap as one program, against the installed wheel on CPython.

Both are what `scripts/release` builds of this source; what is run is mostly the start.
"""

import platform
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

from bench import data, peers, servers
from bench.cases import Lab, Result, interleaved
from bench.clock import Command, median
from bench.peers import BUNDLE

_ROOT = Path(__file__).resolve().parent.parent
_OURS, _WHEEL = "airgap", "the wheel on CPython"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def file(lab: Lab) -> list[Result]:
    """Start airgap as one program, and from the installed wheel."""
    lab.tell(" scripts/release")
    subprocess.run([str(_ROOT / "scripts/release")], check=True, stdout=subprocess.DEVNULL)
    name = f"airgap-linux-{_ARCHITECTURES[platform.machine()]}"
    with lab.folder() as work:
        programs = {_OURS: _ROOT / "dist" / name, _WHEEL: _installed(work / "venv")}
        images = lab.images(data.QUICK)
        with servers.registry(lab.programs / "registry", images.root, work) as up:
            place = lab.place(up.address, images)
            Command(peers.PACK["airgap"](place, work), work, {}).run(lab.tool)
        return [
            _compared(lab, work, programs, "--help"),
            _compared(lab, work, programs, "inspect", str(work / BUNDLE)),
        ]


def _installed(folder: Path) -> Path:
    """Install the wheel and its pinned packages as a user does, compiled ahead."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin/pip"), "install", "-q", "--disable-pip-version-check"]
    requirements = ["--require-hashes", "-r", str(_ROOT / "requirements.txt")]
    (wheel,) = (_ROOT / "dist").glob("*.whl")
    subprocess.run([*pip, *requirements], check=True)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    return folder / "bin/airgap"


def _compared(
    lab: Lab, work: Path, programs: Mapping[str, Path], verb: str, *arguments: str
) -> Result:
    def command(name: str) -> Command:
        return Command([str(programs[name]), verb, *arguments], work, {})

    for name in programs:
        command(name).run(lab.tool)  # read from the disk once, not measured
    readings = interleaved(lab, list(programs), lambda name: command(name).run(lab.tool))
    ratio = median(readings[_OURS]).without_sync / median(readings[_WHEEL]).without_sync
    against = f"{_WHEEL} {sys.version_info.major}.{sys.version_info.minor}"
    return Result(f"one file: airgap {verb}", ratio, 1.2, 1.5, against, readings)
