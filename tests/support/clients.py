"""Clients of registries that the lab has: cosign 2 and 3, oras, regctl, helm, crane."""

import base64
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

BY_TLS = ("--plain-http=false", "--ca-file", "ca.crt")
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
        own = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME") or "AIRGAP" in k}
        done = subprocess.run(
            [*map(str, self._before), "env", *settings, program, *map(str, arguments)],
            cwd=self.folder, env=own, capture_output=True, text=True,
            timeout=240, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.fail(f"{name} {' '.join(map(str, arguments))}: {done.stdout}\n{done.stderr}")
        return done.stdout

    @classmethod
    def logged_in(
        cls, lab: Mapping[str, Any], folder: Path, host: str, login: tuple[str, str],
        ca_pem: bytes, before: Sequence[object] = (), **environment: str,
    ) -> Self:  # fmt: skip
        """Return clients that are logged in at a host, and believe the CA in ca.crt alone."""
        told = {"auths": {host: {"auth": base64.b64encode(":".join(login).encode()).decode()}}}
        (folder / "config.json").write_text(json.dumps(told))
        (folder / "ca.crt").write_bytes(ca_pem)
        return cls(
            lab, folder, before, **environment, SSL_CERT_FILE=str(folder / "ca.crt"),
            DOCKER_CONFIG=str(folder), HELM_REGISTRY_CONFIG=str(folder / "config.json"),
        )  # fmt: skip

    def sign(self, version: str, there: str, *more: str) -> None:
        """Sign an image with cosign.key; cosign 2 under a tag, cosign 3 by a referrer."""
        plain = ("--key", "cosign.key", "--tlog-upload=false", "--yes", *_FORMS[version], *more)
        self.run(f"cosign-{version}", "sign", *plain, there)

    def attach(self, there: str) -> None:
        """Attach sbom.json as an SBOM, over plain http."""
        (self.folder / "sbom.json").write_text("{}")
        about = ("--artifact-type", SBOM, there, f"sbom.json:{SBOM}")
        self.run("oras", "attach", "--plain-http", *about)

    def find_sbom(self, digest: str, there: str, *more: str) -> None:
        """Find the SBOM of an image, as oras tells it."""
        found = self.run("oras", "discover", *more, "--format", "json", there)
        assert digest in found
        assert SBOM in found

    def verify(self, version: str, there: str, key: str = "cosign.pub") -> None:
        """Prove the signature of an image by a key pair alone."""
        self.run(f"cosign-{version}", "verify", "--key", key, "--insecure-ignore-tlog=true", there)
