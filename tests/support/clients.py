"""Clients of registries that the lab has: cosign 2 and 3, oras, regctl, helm, crane."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

_FORMS = {"2": (), "3": ("--use-signing-config=false", "--new-bundle-format=true")}
SBOM = "application/spdx+json"


class Clients:
    """Runs clients in a folder, which is their home, too.

    Args:
        lab: what ``scripts/lab env`` says.
        folder: has the keys and what they write.
        before: words before each command, such as those that enter another network.
        environment: further variables.
    """

    def __init__(
        self,
        lab: Mapping[str, Any],
        folder: Path,
        before: Sequence[object] = (),
        **environment: str,
    ) -> None:
        self.folder, self._lab, self._before = folder, lab, before
        self._environment = {"HOME": str(folder), "COSIGN_PASSWORD": "", **environment}

    def run(self, name: str, *arguments: object) -> str:
        """Run a client; it ends well, or the test fails with its words."""
        place = self._lab["cosign"] if name.startswith("cosign") else self._lab["clients"]
        if not (program := Path(place) / name).exists():
            pytest.fail(f"{name} is missing: run scripts/lab build")
        settings = [f"{key}={value}" for key, value in self._environment.items()]
        done = subprocess.run(
            [*map(str, self._before), "env", *settings, program, *map(str, arguments)],
            cwd=self.folder, env={"PATH": os.environ["PATH"]}, capture_output=True,
            text=True, timeout=240, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.fail(f"{name} {' '.join(map(str, arguments))}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def sign(self, version: str, there: str, *more: str) -> None:
        """Sign an image with cosign.key; cosign 2 under a tag, cosign 3 by a referrer."""
        plain = ("--key", "cosign.key", "--tlog-upload=false", "--yes", *_FORMS[version], *more)
        self.run(f"cosign-{version}", "sign", *plain, there)

    def attach(self, there: str) -> None:
        """Attach sbom.json as an SBOM, over plain http."""
        (self.folder / "sbom.json").write_text("{}")
        about = ("--artifact-type", SBOM, there, f"sbom.json:{SBOM}")
        self.run("oras", "attach", "--plain-http", *about)

    def verify(self, version: str, there: str, key: str = "cosign.pub") -> None:
        """Prove the signature of an image by a key pair alone."""
        self.run(f"cosign-{version}", "verify", "--key", key, "--insecure-ignore-tlog=true", there)
