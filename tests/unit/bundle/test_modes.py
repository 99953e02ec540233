"""A mode is what the table of names says: no member brings one of its own."""

import tarfile
from pathlib import Path

import pytest

from airgap.bundle.format import mode_of
from airgap.bundle.reader import Bundle
from airgap.errors import InputError
from tests.support.bundles import sample, write

_CHECKSUM = slice(148, 156)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.tar"
    names = ("airgap/bin/kind", "airgap/tls.key", "airgap/ca.crt")
    write(sample(), path, extras=[(name, name.encode()) for name in names])
    return path


def headers(path: Path) -> list[tarfile.TarInfo]:
    with tarfile.open(path) as tar:
        return tar.getmembers()


def test_programs_run_keys_are_private_and_all_else_is_read(good: Path) -> None:
    found = {member.name: member.mode for member in headers(good)}
    assert found["airgap/bin/kind"] == 0o755
    assert found["airgap/tls.key"] == 0o600
    assert all(mode == mode_of(name) for name, mode in found.items())
    assert set(found.values()) == {0o755, 0o600, 0o644}


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1755, 0o777, 0o755, 0o666, 0o600, 0])
def test_another_mode_is_refused_wherever_it_stands(good: Path, tmp_path: Path, mode: int) -> None:
    data = good.read_bytes()
    for member in headers(good):
        if mode == member.mode:
            continue
        header = bytearray(data[member.offset : member.offset + 512])
        header[100:108] = f"{mode:07o}\0".encode()
        header[_CHECKSUM] = b" " * 8
        header[_CHECKSUM] = f"{sum(header):06o}\0 ".encode()
        path = tmp_path / "forged.tar"
        path.write_bytes(data[: member.offset] + header + data[member.offset + 512 :])
        assert next(m for m in headers(path) if m.name == member.name).mode == mode
        with pytest.raises(InputError), Bundle.open(path) as bundle:
            bundle.verify(None)
