"""What a kubelet finds after an import without a registry: the table of docs/guide/export.md.

Each cell is a containerd of its own, a whole import, and the question that a kubelet asks (CRI's
ImageStatus) for each way in which a pod may name an image.
"""

import itertools
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import AIRGAP, REPO, Lab, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

RELEASES = ("1.6", "1.7", "2.1", "2.2")
FILES = {"the bundle": "bundle.tar", "an export": "images.tar"}
WAYS = ("`ctr images import`", "with `--all-platforms`", "k3s")
LAST = "last.example.org/seen:1"
PAGE = REPO / "docs/guide/export.md"
CONFIG = "version = 2\ndisabled_plugins = ['io.containerd.internal.v1.opt']\n"


@pytest.fixture(scope="module")
def lab() -> Lab:
    """What the lab builds does: nothing of it has to run."""
    subprocess.run([REPO / "scripts/lab", "build"], check=True)
    return Lab()


@pytest.fixture(scope="module")
def folder(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a bundle, of an index of two platforms and of a plain image, and its export."""
    found = tmp_path_factory.mktemp("importers")
    images = [f"oci:{lab.env['images']}/{name}" for name in ("app", "busybox")]
    (found / "images.txt").write_text("\n".join(images))
    bundle, export = (found / name for name in FILES.values())
    platform = ("--platform", "linux/amd64")
    run(AIRGAP, "pack", found / "images.txt", "-o", bundle, "--images-only", *platform)
    run(AIRGAP, "export", bundle, "-o", export)
    return found


@pytest.fixture(scope="module")
def names(lab: Lab) -> dict[str, list[str]]:
    """Return the names that pods may have for these, by the column of the table."""
    (app,) = (found for found in lab.env["upstream_images"] if found["name"] == "app")
    child, busybox = app["platforms"]["linux/amd64"], lab.env["digests"]["busybox"]
    return {
        "tag": ["quay.io/org/app:1.0", "busybox:1.36"],
        "manifest": [f"quay.io/org/app@{child}", f"busybox@{busybox}"],
        "index": [f"quay.io/org/app@{app['digest']}"],
    }


@contextmanager
def containerd(programs: Path) -> Iterator[str]:
    """Run a containerd of its own for the time of a block; yields its socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        socket, config = f"{folder}/containerd.sock", Path(folder, "config.toml")
        config.write_text(CONFIG)
        command = [programs / "containerd", "--config", config, "--address", socket]
        command += ["--root", f"{folder}/root", "--state", f"{folder}/state"]
        with Path(folder, "log").open("wb") as log:
            daemon = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(200):
                version = (programs / "ctr", "--address", socket, "version")
                if Path(socket).exists() and run(*version, check=False).returncode == 0:
                    break
                time.sleep(0.1)
            yield socket
        finally:
            daemon.terminate()
            daemon.wait(30)


class Images:
    """The images of a containerd, in the namespace of a kubelet."""

    def __init__(self, importer: str, programs: Path, socket: str) -> None:
        self._ctr = (programs / "ctr", "--address", socket, "-n", "k8s.io", "images")
        self._importer = (importer, socket)

    def take(self, way: str, archive: Path) -> bool:
        """Import an archive in one of the ways; whether that went well."""
        command: dict[str, Sequence[object]] = {
            WAYS[0]: (*self._ctr, "import", archive),
            WAYS[1]: (*self._ctr, "import", "--all-platforms", archive),
            WAYS[2]: (*self._importer, "import", archive),
        }
        return run(*command[way], check=False).returncode == 0

    def found(self, names: Sequence[str]) -> dict[str, bool]:
        """Ask as a kubelet does, once CRI has heard of all that was imported."""
        there = run(*self._ctr, "ls", "-q").stdout.split()
        if there:  # events come in order: with this one, all earlier ones have come
            run(*self._ctr, "tag", there[0], LAST)
            for _ in range(300):
                if self._asked([LAST])[LAST]:
                    break
                time.sleep(0.1)
        return self._asked(names)

    def _asked(self, names: Sequence[str]) -> dict[str, bool]:
        said = run(*self._importer, "status", *names).stdout
        return {name: told == "true" for name, told in map(str.split, said.splitlines())}


def row(lab: Lab, folder: Path, names: dict[str, list[str]], file: str, way: str) -> str:
    """Return a row of the table; a cell names the releases where they differ."""
    cells: dict[str, dict[str, str]] = {column: {} for column in ("import", *names)}
    for release in RELEASES:
        programs = Path(lab.env["containerds"], release)
        if release == "2.2":
            programs = Path(lab.env["kind"]).parent
        with containerd(programs) as socket:
            images = Images(lab.env["importer"], programs, socket)
            done = images.take(way, folder / FILES[file])
            answers = images.found(list(itertools.chain(*names.values())))
        cells["import"][release] = "yes" if done else "fails"
        for column, asked in names.items():
            told = [answers[name] for name in asked]
            cells[column][release] = "yes" if all(told) else "some" if any(told) else "no"
    return f"| {file} | {way} | {' | '.join(cell(by_release) for by_release in cells.values())} |"


def cell(by_release: dict[str, str]) -> str:
    answers = dict.fromkeys(by_release.values())
    if len(answers) == 1:
        return next(iter(answers))
    where = ({r for r, a in by_release.items() if a == answer} for answer in answers)
    return ", ".join(f"{a} ({', '.join(sorted(w))})" for a, w in zip(answers, where, strict=True))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("file", FILES)
def test_the_page_says_what_is_found(
    lab: Lab, folder: Path, names: dict[str, list[str]], file: str, way: str
) -> None:
    told = re.findall(r"^\| (?:the bundle|an export) \|.*", PAGE.read_text(), re.MULTILINE)
    assert row(lab, folder, names, file, way) in told
