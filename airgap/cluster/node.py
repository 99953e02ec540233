"""Node: one node of the cluster, something to run commands on (as in kind's own code)."""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from airgap.cluster.command import run
from airgap.cluster.objects import STORAGE_PATH, UID

_VERSION = re.compile(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)")
# The first release of each line without CVE-2026-53488: an image's label ran code on the host.
_FIXED = {(1, 7): 33, (2, 0): 10, (2, 1): 9, (2, 2): 5, (2, 3): 2}


@dataclass(frozen=True)
class Node:
    """A node.

    Attributes:
        name: of the container, and so of the Kubernetes node.
        role: ``control-plane`` or ``worker``.
        image: the docker name of its image.
        running: whether the container runs.
        ports: its TCP ports that this host publishes, to the port here.
        environment: for the docker program.
    """

    name: str
    role: str = ""
    image: str = ""
    running: bool = True
    ports: Mapping[int, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def run(
        self,
        *arguments: str,
        stdin: bytes | Iterable[bytes | memoryview] = b"",
        seconds: float = 600,
    ) -> bytes:
        """Run a command in the node and return what it wrote.

        Raises:
            ClusterError: it failed.
        """
        command = ["docker", "exec", "-i", self.name, *arguments]
        return run(command, env=self.environment, stdin=stdin, seconds=seconds)

    def read_file(self, path: str) -> bytes | None:
        """Return a file's content, None where it does not exist."""
        script = f"if [ -e {shlex.quote(path)} ]; then echo y; cat {shlex.quote(path)}; fi"
        found = self.run("sh", "-c", script, seconds=60)
        return found.removeprefix(b"y\n") if found else None

    def write_file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file and the folders above it; it appears with its whole content."""
        target = shlex.quote(path)
        script = (
            f"set -e; mkdir -p $(dirname {target}); cat > {target}.new;"
            f" chmod {mode:o} {target}.new; mv -f {target}.new {target}"
        )
        self.run("sh", "-c", script, stdin=content, seconds=60)

    def has_image(self, name: str) -> bool:
        """Tell whether containerd has an image of that name."""
        found = self.run("ctr", "-n", "k8s.io", "images", "ls", "-q", f"name=={name}", seconds=60)
        return bool(found.strip())

    def import_image(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Import a docker-archive, and pin it so that kubelet's clean-up keeps it."""
        self.run("ctr", "-n", "k8s.io", "images", "import", "-", stdin=chunks, seconds=3600)
        pin = "io.cri-containerd.pinned=pinned"
        self.run("ctr", "-n", "k8s.io", "images", "label", name, pin, seconds=60)

    def prepare_storage(self) -> None:
        """Make the folder for the registry's content."""
        script = (
            f"mkdir -p {STORAGE_PATH} && chown {UID}:{UID} {STORAGE_PATH}"
            f" && chmod 0750 {STORAGE_PATH}"
        )
        self.run("sh", "-c", script, seconds=60)

    def free_space(self) -> int:
        """Return the bytes that are free where the registry's content lies."""
        found = self.run("df", "-P", "-B1", "/var/lib", seconds=60)
        return int(found.decode().strip().split("\n")[-1].split()[3])

    def containerd_warning(self) -> str | None:
        """Return a warning where the node's containerd has a known hole."""
        text = self.run("containerd", "--version", seconds=60).decode()
        match = _VERSION.search(text)
        if not match:
            return None
        major, minor, patch = map(int, match.groups())
        fixed = _FIXED.get((major, minor))
        if fixed is not None and patch < fixed:
            return (
                f"{self.name} runs containerd {major}.{minor}.{patch}, in which an image can run"
                f" code on the node (CVE-2026-53488, fixed in {major}.{minor}.{fixed});"
                " pack a newer node image"
            )
        return None
