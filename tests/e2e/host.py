"""The isolated host, driven by nothing of ours but the program that a bundle brings."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Lab, run
from tests.support import schema


class Host:
    """The isolated host, and a folder on it: nothing of ours is there but what a bundle holds."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.engine: str = lab.env["engine"]
        self.program = folder / "airgap/bin/airgap"

    def do(self, *command: object, **options: Any) -> str:
        home = ("env", f"HOME={self.folder}")
        return self.lab.isolated(*home, *command, cwd=self.folder, **options).stdout

    def airgap(self, *arguments: object, **options: Any) -> str:
        return self.do(self.program, *arguments, **options)

    def kubectl(self, *arguments: object) -> str:
        return self.do("kubectl", *arguments)

    def runs(self, name: str, image: str) -> None:
        self.kubectl("run", name, f"--image={image}", "--image-pull-policy=Always")
        self.kubectl("wait", "--for=condition=Ready", "--timeout=120s", f"pod/{name}")

    def is_well(self) -> None:
        """Ask for the status until it names no problem: on a busy machine one may take too long."""
        for _ in range(6):
            said = self.airgap("status", "--json", check=False)
            if not (problems := schema.read("status", said)["problems"]):
                return
            time.sleep(5)
        pytest.fail("\n".join(problems))

    def pack(self, program: Path, name: str, images: str, *more: object) -> Path:
        """Pack a bundle for a cluster on the connected side, by the one program."""
        (self.folder / f"{name}.txt").write_text(images)
        bundle = self.folder / f"{name}.tar"
        options = (*self.lab.mirrors, *self.lab.cluster_images, "--kind", self.lab.env["kind"])
        run(program, "pack", self.folder / f"{name}.txt", "-o", bundle, *options, *more,
            env=self.lab.connected_env)  # fmt: skip
        return bundle

    def delete_cluster(self) -> None:
        delete = ("kind", "delete", "cluster", "--name", "kind")
        self.do("env", f"KIND_EXPERIMENTAL_PROVIDER={self.engine}", *delete, check=False)
