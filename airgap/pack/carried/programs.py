"""The programs that a bundle carries: kind where it is for a cluster, and airgap itself."""

import struct
from dataclasses import dataclass
from pathlib import Path

from airgap.errors import InputError, ResourceError
from airgap.files import inputs
from airgap.oci.platform import Platform

_ELF_MACHINES = {
    "386": 3,
    "arm": 40,
    "amd64": 62,
    "s390x": 22,
    "ppc64le": 21,
    "arm64": 183,
    "riscv64": 243,
}


def check_program(path: Path, platform: Platform, name: str, option: str) -> None:
    """Check that ``path`` is a program for ``platform``, by its ELF header.

    ``name`` and ``option`` say in messages what it should be, and which option names it.

    Raises:
        InputError: it is missing, no ELF file, or for another machine.
    """
    machine = _machine(path, name, option)
    wanted = _ELF_MACHINES.get(platform.architecture)
    if wanted is not None and machine != wanted:
        raise InputError(
            f"{path} is a program for another machine than {platform}",
            hint=f"get {name} for {platform} and name it with {option} FILE",
        )


def _machine(path: Path, name: str, option: str) -> int:
    with inputs.opened(path, f"name the {name} binary with {option} FILE") as file:
        header = file.read(20)
    order = "<" if header[5:6] == b"\x01" else ">"
    if len(header) < 20 or header[:4] != b"\x7fELF":
        raise InputError(
            f"{path} is not a Linux program (no ELF file)",
            hint=f"name the {name} binary itself with {option} FILE, not a script that starts it",
        )
    (machine,) = struct.unpack(order + "H", header[18:20])
    return int(machine)


@dataclass(frozen=True, slots=True)
class Tools:
    """Where airgap is as one program.

    Attributes:
        given: the one to carry.
        running: the airgap that runs; where none is given, a bundle for a cluster carries it or
            the program beside it, if it is one for the platform of the bundle.
    """

    given: Path | None = None
    running: Path | None = None


NO_TOOLS = Tools()


def platform_of(path: Path) -> Platform | None:
    """Return the platform that a program is for; None for one that has no name here.

    Raises:
        InputError: it is missing, or no ELF file.
    """
    machine = _machine(path, "airgap", "--tool")
    names = (name for name, number in _ELF_MACHINES.items() if number == machine)
    return next((Platform("linux", name) for name in names), None)


def find_airgap(given: Path | None, running: Path | None, platform: Platform | None) -> Path | None:
    """Return airgap as one program for ``platform``, None where there is none at hand.

    ``given`` wins, and must fit; without a ``platform`` any machine does. Else it is ``running``,
    the file that runs now, or ``airgap-linux-ARCH`` beside it.

    Raises:
        InputError: ``given`` is missing, no ELF file, or for another machine.
    """
    if given:
        if platform:
            check_program(given, platform, "airgap", "--tool")
        else:
            platform_of(given)
        return given
    if running is None or platform is None:
        return None
    beside = running.with_name(file_name(platform))
    return next((path for path in (running, beside) if _fits(path, platform)), None)


def file_name(platform: Platform) -> str:
    """Return what a release calls airgap for ``platform``, such as ``airgap-linux-amd64``."""
    return f"airgap-{platform.os}-{platform.architecture}"


def _fits(path: Path, platform: Platform) -> bool:
    try:
        check_program(path, platform, "airgap", "--tool")
    except (InputError, ResourceError):
        return False
    return True
