"""The minisign program, where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

needs_minisign = pytest.mark.skipif(
    not shutil.which("minisign"), reason="minisign is not installed"
)


def minisign(*arguments: str, cwd: Path, text: str = "") -> None:
    """Run it in a folder, with an answer to what it asks."""
    command = ["minisign", *arguments]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, input=text.encode())
