"""A release's sums are signed as minisign signs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from airgap.signatures.minisign import Signature, check
from airgap.signatures.secret_key import SecretKey
from tests.support.minisign import minisign

ROOT = Path(__file__).parents[2]
SUMS = b"0" * 64 + b"  airgap-linux-amd64\n"


def sign(folder: Path, password: str = "") -> tuple[SecretKey, subprocess.CompletedProcess[str]]:
    key = SecretKey.generate()
    (folder / "SHA256SUMS").write_bytes(SUMS)
    (folder / "release.key").write_bytes(key.to_bytes(password, operations=32768))
    command = [
        sys.executable,
        ROOT / "scripts/release.d/sign.py",
        "release.key",
        "SHA256SUMS",
        "v1",
    ]
    done = subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT), "AIRGAP_RELEASE_PASSWORD": "right"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return key, done


@pytest.mark.parametrize("password", ["", "right"])
def test_the_sums_are_signed(tmp_path: Path, password: str) -> None:
    key, done = sign(tmp_path, password)
    assert done.returncode == 0, done.stderr
    signature = Signature.parse((tmp_path / "SHA256SUMS.minisig").read_bytes(), "it")
    assert check(signature, key.public, SUMS, "it").comment == "v1"


@pytest.mark.needs("minisign")
def test_minisign_proves_it(tmp_path: Path) -> None:
    key, _ = sign(tmp_path)
    (tmp_path / "release.pub").write_bytes(key.public.to_bytes())
    minisign("-Vm", "SHA256SUMS", "-p", "release.pub", cwd=tmp_path)


def test_a_wrong_password_signs_nothing(tmp_path: Path) -> None:
    _, done = sign(tmp_path, "another")
    assert done.returncode == 1
    assert "password" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "SHA256SUMS.minisig").exists()
