import struct
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.platform import Platform
from airgap.pack.carried.programs import check_program, find_airgap

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def elf(path: Path, machine: int, order: int = 1) -> Path:
    ident = b"\x7fELF" + bytes([2, order, 1]) + bytes(9)
    path.write_bytes(ident + struct.pack("<HH" if order == 1 else ">HH", 2, machine) + bytes(44))
    return path


def test_a_program_for_the_bundle_s_platform(tmp_path: Path) -> None:
    check_program(elf(tmp_path / "kind", 62), AMD64, "kind", "--kind")
    check_program(elf(tmp_path / "kind", 183), ARM64, "kind", "--kind")
    check_program(elf(tmp_path / "kind", 22, order=2), Platform("linux", "s390x"), "kind", "--kind")


def test_a_program_for_another_machine(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="for another machine than linux/arm64"):
        check_program(elf(tmp_path / "kind", 62), ARM64, "kind", "--kind")


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexec kind\n", b"\x7fELF", b"MZ" + bytes(60)])
def test_what_is_no_program(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kind"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a Linux program"):
        check_program(path, AMD64, "kind", "--kind")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        check_program(tmp_path / "kind", AMD64, "kind", "--kind")


def test_airgap_is_the_running_program_where_it_fits(tmp_path: Path) -> None:
    running = elf(tmp_path / "airgap", 62)
    elf(tmp_path / "airgap-linux-amd64", 62)
    assert find_airgap(None, running, AMD64) == running


def test_airgap_for_another_machine_is_beside_the_running_one(tmp_path: Path) -> None:
    running = elf(tmp_path / "airgap", 62)
    assert find_airgap(None, running, ARM64) is None
    beside = elf(tmp_path / "airgap-linux-arm64", 183)
    assert find_airgap(None, running, ARM64) == beside


def test_airgap_beside_an_installed_script(tmp_path: Path) -> None:
    script = tmp_path / "airgap"
    script.write_text("#!/usr/bin/python3\n")
    assert find_airgap(None, script, AMD64) is None
    beside = elf(tmp_path / "airgap-linux-amd64", 62)
    assert find_airgap(None, script, AMD64) == beside
    elf(beside, 183)
    assert find_airgap(None, script, AMD64) is None, "its name is not believed"


def test_the_airgap_that_was_named_wins_and_must_fit(tmp_path: Path) -> None:
    running, named = elf(tmp_path / "airgap", 62), elf(tmp_path / "named", 62)
    assert find_airgap(named, running, AMD64) == named
    with pytest.raises(InputError, match="another machine than linux/arm64") as caught:
        find_airgap(named, running, ARM64)
    assert caught.value.hint == "get airgap for linux/arm64 and name it with --tool FILE"
    named.write_text("#!/bin/sh\n")
    with pytest.raises(InputError, match="no ELF file"):
        find_airgap(named, running, AMD64)
