"""The minisign program, for a test that needs it."""

import subprocess
from pathlib import Path


def minisign(*arguments: str, cwd: Path, text: str = "") -> None:
    """Run it in a folder, with an answer to what it asks."""
    command = ["minisign", *arguments]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, input=text.encode())
