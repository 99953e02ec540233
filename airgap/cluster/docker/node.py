"""Node: one node of the cluster, something to run commands on (as in kind's own code)."""

import enum
import io
import re
import shlex
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from airgap.cluster.command import run
from airgap.cluster.docker.containers import made_from
from airgap.cluster.mark import Mark
from airgap.cluster.objects.registry import STORAGE_PATH, UID
from airgap.cluster.ports import endless
from airgap.errors import ClusterError

_VERSION = re.compile(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)")
# The first release of each line without CVE-2026-53488: an image's label ran code on the host.
_FIXED = {(1, 7): 33, (2, 0): 10, (2, 1): 9, (2, 2): 5, (2, 3): 2}

_CONTAINERS = """
kind='labels."io.cri-containerd.kind"==container'
for id in $(ctr -n k8s.io containers ls -q "$kind,labels.\\"io.kubernetes.pod.namespace\\"==$1"); do
  ctr -n k8s.io containers info "$id" || exit
done
"""


class State(enum.Enum):
    """What a node's container does, in docker's words."""

    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    STOPPED = "exited"

    @classmethod
    def of(cls, status: str) -> Self:
        """Return the state; one that was never started, or is on its way out, counts as stopped."""
        return next((state for state in cls if state.value == status), cls("exited"))


@dataclass(frozen=True)
class Node:
    """A node.

    Attributes:
        name: of the container, and so of the Kubernetes node.
        id: the container's; a later one of the same name has another.
        role: ``control-plane`` or ``worker``.
        image: the docker name of its image.
        image_id: docker's id of what it runs, whatever that name means now.
        state: what the container does.
        ports: its TCP ports that this host publishes, to the port here.
        address: its own, in docker's network; empty where it does not run.
        mark: which run of airgap made it; None where none did.
        program: the engine's, ``docker`` or ``podman``.
        environment: it runs in.
        seconds: how long a short command may take.
        left: what all of them together have left, in seconds.
    """

    name: str
    id: str = ""
    role: str = ""
    image: str = ""
    image_id: str = ""
    state: State = State.RUNNING
    ports: Mapping[int, int] = field(default_factory=dict)
    address: str = ""
    mark: Mark | None = None
    program: str = "docker"
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 60
    left: Callable[[], float] = field(default=endless, compare=False)

    @property
    def running(self) -> bool:
        """Whether commands can be run in it."""
        return self.state is State.RUNNING

    def run(
        self,
        *arguments: str,
        stdin: bytes | Iterable[bytes | memoryview] = b"",
        seconds: float = 0,
    ) -> bytes:
        """Run a command in the node and return what it wrote.

        Args:
            arguments: the command.
            stdin: what it reads.
            seconds: how long it may take, where that is not what a short command may take.

        Raises:
            ClusterError: it failed.
        """
        command = [self.program, "exec", "-i", self.name, *arguments]
        seconds = seconds or min(self.seconds, self.left())
        return run(command, env=self.environment, stdin=stdin, seconds=seconds)

    def read_file(self, path: str) -> bytes | None:
        """Return a file's content, None where it does not exist."""
        script = f"if [ -e {shlex.quote(path)} ]; then echo y; cat {shlex.quote(path)}; fi"
        found = self.run("sh", "-c", script)
        return found.removeprefix(b"y\n") if found else None

    def write_file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file and the folders above it; it appears with its whole content."""
        target = shlex.quote(path)
        script = (
            f'set -e; mkdir -p "$(dirname {target})"; cat > {target}.new;'
            f" chmod {mode:o} {target}.new; mv -f {target}.new {target}"
        )
        self.run("sh", "-c", script, stdin=content)

    def digests(self, folder: str) -> dict[str, str]:
        """Return the files below a folder: path to SHA-256 in hex; the folder is made."""
        place = shlex.quote(folder)
        script = f"mkdir -p {place} && find {place} -type f -exec sha256sum {{}} +"
        lines = self.run("sh", "-c", script).decode().splitlines()
        return {path: digest for digest, _, path in (line.partition("  ") for line in lines)}

    def write_files(self, files: Mapping[str, bytes], mode: int = 0o644) -> None:
        """Write files, path to content; each appears with its whole content.

        One command writes them all. What reads them meanwhile finds the old one or the new one.
        """
        script = 'tar -xf - -C / && for f; do mv -f "$f.new" "$f" || exit; done'
        self.run("sh", "-c", script, "-", *files, stdin=_archive(files, mode))

    def files_with(self, folder: str, text: str) -> list[str]:
        """Return the files below a folder that hold a line with ``text``."""
        place, words = shlex.quote(folder), shlex.quote(text)
        script = f"[ ! -d {place} ] || grep -rlF -e {words} {place} || true"
        return self.run("sh", "-c", script).decode().splitlines()

    def remove_files(self, paths: Iterable[str]) -> None:
        """Remove files, and the folders that are empty without them."""
        listed = " ".join(map(shlex.quote, paths))
        if listed:
            script = (
                f"rm -f {listed}; for f in {listed}; do"
                ' rmdir "$(dirname "$f")" 2>/dev/null; done; true'
            )
            self.run("sh", "-c", script)

    def remove_folder(self, path: str) -> bool:
        """Remove a folder with all in it; tells whether it was there."""
        place = shlex.quote(path)
        return bool(self.run("sh", "-c", f"[ ! -d {place} ] || {{ rm -rf {place} && echo y; }}"))

    def remove_images(self, repository: str) -> list[str]:
        """Remove all of containerd's names of a repository's images; returns them.

        An image that a container was made from has its config's digest as a name, too: that goes
        with the last of the others.
        """
        listed = self.run("ctr", "-n", "k8s.io", "images", "ls").decode().splitlines()[1:]
        found = {words[0]: words[2] for words in map(str.split, listed) if len(words) > 2}
        names = [name for name in found if name.startswith((f"{repository}:", f"{repository}@"))]
        others = {found[name] for name in found if name not in names and not _is_digest(name)}
        gone = {found[name] for name in names} - others
        unnamed = [name for name in found if _is_digest(name) and found[name] in gone]
        if names:
            self.run("ctr", "-n", "k8s.io", "images", "rm", *names, *unnamed)
        return names

    def has_image(self, name: str, digest: str) -> bool:
        """Tell whether containerd has an image of that name, and it is the one of a digest."""
        found = self.run("ctr", "-n", "k8s.io", "images", "ls", f"name=={name}").decode()
        lines = [line.split() for line in found.splitlines()]
        return any(words[:1] == [name] and digest in words for words in lines)

    def import_image(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        """Import an archive, and pin it so that kubelet's clean-up keeps it."""
        self.run("ctr", "-n", "k8s.io", "images", "import", "-", stdin=chunks, seconds=3600)
        pin = "io.cri-containerd.pinned=pinned"
        self.run("ctr", "-n", "k8s.io", "images", "label", name, pin)

    def containers(self, namespace: str) -> dict[tuple[str, str], str]:
        """Return the containers of a namespace, by pod and name, to what each is made from.

        That is the digest of an image's config, as containerd had it when the container was made.
        Of several with one name the last one counts: the others have ended.

        Raises:
            ClusterError: the node does not say it.
        """
        said = self.run("sh", "-c", _CONTAINERS, "-", namespace).decode()
        try:
            return made_from(said)
        except (ValueError, TypeError, LookupError) as error:
            raise ClusterError(
                f"{self.name} does not say what its containers are made from",
                hint=f"look: docker exec {self.name} ctr -n k8s.io containers ls",
            ) from error

    def fetching(self) -> str:
        """Return what containerd is fetching, and how far it came.

        Where it is the same a moment later, nothing moves.
        """
        listed = self.run("ctr", "-n", "k8s.io", "content", "active").decode().splitlines()[1:]
        return "\n".join(sorted(" ".join(line.split()[:2]) for line in listed))

    def reaches(self, host: str, port: int) -> bool:
        """Tell whether the node can connect to a port."""
        script = f"timeout 2 bash -c '</dev/tcp/{host}/{port}' 2>/dev/null && echo y || true"
        return bool(self.run("sh", "-c", script))

    def prepare_storage(self) -> None:
        """Make the folder for the registry's content."""
        script = (
            f"mkdir -p {STORAGE_PATH} && chown {UID}:{UID} {STORAGE_PATH}"
            f" && chmod 0750 {STORAGE_PATH}"
        )
        self.run("sh", "-c", script)

    def free_space(self) -> int:
        """Return the bytes that are free where the registry's content lies."""
        script = f"df -P -B1 {STORAGE_PATH} 2>/dev/null || df -P -B1 /var/lib"
        found = self.run("sh", "-c", script)
        return int(found.decode().strip().split("\n")[-1].split()[3])

    def containerd_warning(self) -> str | None:
        """Return a warning where the node's containerd has a known hole."""
        text = self.run("containerd", "--version").decode()
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


def _is_digest(name: str) -> bool:
    return name.startswith("sha256:")


def _archive(files: Mapping[str, bytes], mode: int) -> bytes:
    """Return a tar of files, each under its name and ``.new``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(f"{path.lstrip('/')}.new")
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
