import struct
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.platform import Platform
from airgap.pack.extras import check_program

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def elf(path: Path, machine: int, order: int = 1) -> Path:
    ident = b"\x7fELF" + bytes([2, order, 1]) + bytes(9)
    path.write_bytes(ident + struct.pack("<HH" if order == 1 else ">HH", 2, machine) + bytes(44))
    return path


def test_a_program_for_the_bundle_s_platform(tmp_path: Path) -> None:
    check_program(elf(tmp_path / "kind", 62), AMD64)
    check_program(elf(tmp_path / "kind", 183), ARM64)
    check_program(elf(tmp_path / "kind", 22, order=2), Platform("linux", "s390x"))


def test_a_program_for_another_machine(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="for another machine than linux/arm64"):
        check_program(elf(tmp_path / "kind", 62), ARM64)


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\nexec kind\n", b"\x7fELF", b"MZ" + bytes(60)])
def test_what_is_no_program(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kind"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a Linux program"):
        check_program(path, AMD64)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        check_program(tmp_path / "kind", AMD64)
