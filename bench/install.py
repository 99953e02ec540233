"""Gets what is measured against: skopeo from Debian, the Go programs from their own sources."""

import hashlib
import os
import platform
import shutil
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

from bench import peers

_GO = {
    "crane": "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
    "oras": "oras.land/oras/cmd/oras@v1.3.6",
    "regctl": "github.com/regclient/regclient/cmd/regctl@v0.11.7",
    "registry": "github.com/distribution/distribution/v3/cmd/registry@v3.1.1",
}


_STARTER = """\
#!{python}
import sys
from airgap.cli import main
sys.exit(main())
"""


def install(cache: Path, tell: Callable[[str], None]) -> None:
    """Install what is missing, into ``cache`` but for Debian's packages."""
    programs = cache / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(programs), "CGO_ENABLED": "0"}
    for name, package in _GO.items():
        stamp = programs / f".{name}-{package.rpartition('@')[2]}"
        if not (programs / name).exists() or not stamp.exists():
            tell(f"building {package}")
            subprocess.run([_go(), "install", package], env=environment, check=True)
            stamp.touch()
    tool = Path(__file__).parent / "tool"
    command = [_go(), "build", "-o", str(programs / "bench-tool"), "."]
    subprocess.run(command, cwd=tool, env=environment, check=True)
    missing = [name for name in ("skopeo", "curl", "tar") if not shutil.which(name)]
    if missing:
        apt = ["apt-get", "install", "-qqy", "--no-install-recommends", *missing]
        subprocess.run(apt, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def airgap(cache: Path, root: Path) -> Path:
    """Return airgap as people have it: with what it needs, and nothing that its tests need.

    A development environment is slower to start: httpx, for one, imports the library of a
    command line that it finds there.
    """
    requirements = root / "requirements.txt"
    stamp = hashlib.sha256(requirements.read_bytes() + str(root).encode()).hexdigest()[:16]
    folder = cache / f"venv-{stamp}"
    program = folder / "bin/airgap"
    if not program.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        python = folder / "bin/python"
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(requirements)], check=True)
        packages = next(folder.glob("lib/python*/site-packages"))
        (packages / "airgap-bench.pth").write_text(f"{root}\n")
        program.write_text(_STARTER.format(python=python))
        program.chmod(0o755)
    return program


def _go() -> str:
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if not found:
        raise SystemExit("error: the peers are built with Go, which is not on PATH")
    return found


def versions(cache: Path, program: Path) -> dict[str, str]:
    """Return the version of each program that took part."""
    commands = {**peers.versions(cache / "bin"), "airgap": [str(program), "--version"]}
    found = {}
    for name, command in commands.items():
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        words = output.replace("VCSTag:", " ").split()
        found[name] = next((w for w in words if w.lstrip("v")[:1].isdigit()), "unknown")
    return found


def machine() -> str:
    """Describe this machine, without its name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), {memory:.0f} GiB memory,"
        f" Linux {platform.release().split('-')[0]}"
    )
