"""Pulls without a pause, from several places, while something happens to the registry."""

import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.conftest import REPO
from tests.e2e.visitors import Visitors, Way

CERTS_D = "/etc/containerd/certs.d"
IMAGE = "docker.io/library/nginx:1.22.1"
"""One that is no index: ctr wants all children of one, also those that no bundle carried."""
_CLIENT = """
while [ ! -e {stop} ]; do
  if said=$({curl} 2>&1); then echo ok; else echo "FAILED client: $said"; fi
  sleep 0.1
done
"""
_CONTAINERD = """
while [ ! -e /tmp/stop ]; do
  if said=$(ctr -n k8s.io images pull --hosts-dir {certs} {image} 2>&1)
  then echo ok; else echo "FAILED containerd: $(echo "$said" | tail -1)"; fi
  ctr -n k8s.io images rm --sync {image} >/dev/null 2>&1
  sleep 0.2
done
"""


class Pulls:
    """A context manager; while it is open, clients and every node's containerd pull.

    A client gets a manifest and a layer, each time over connections of its own, and believes what
    its node believes at that moment. containerd pulls a whole image, and forgets it again.
    """

    def __init__(self, visitors: Visitors, nodes: tuple[str, ...]) -> None:
        self._visitors, self._nodes, self._lab = visitors, nodes, visitors.lab
        self._folder = Path(tempfile.mkdtemp())
        self._paths: list[str] = []
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._paths = self._visitors.content()
        for who in ("pod", "worker", "local user"):
            for way in self._visitors.readers[who][:2]:
                self._begin("sh", "-c", self._client(who, way))
        script = _CONTAINERD.format(certs=CERTS_D, image=IMAGE)
        for node in self._nodes:
            self._lab.docker("exec", node, "rm", "-f", "/tmp/stop")
            self._begin("docker", "exec", node, "sh", "-c", script)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        (self._folder / "stop").touch()
        for node in self._nodes:
            self._lab.docker("exec", node, "touch", "/tmp/stop")
        for process in self._running:
            process.wait(120)

    @property
    def ended(self) -> int:
        """How many pulls have ended well."""
        return sum(self.each)

    @property
    def each(self) -> list[int]:
        """How many of each place have ended well, the fewest first."""
        return sorted(path.read_text().count("ok\n") for path in self._folder.glob("*.log"))

    @property
    def failed(self) -> list[str]:
        """What those said that failed."""
        lines = [p.read_text().splitlines() for p in self._folder.glob("*.log")]
        return [line for each in lines for line in each if line != "ok"]

    def _begin(self, *command: str) -> None:
        words = [str(REPO / "scripts/lab"), "exec", *command]
        with (self._folder / f"{len(self._running)}.log").open("wb") as log:
            self._running.append(subprocess.Popen(words, stdout=log, stderr=log))

    def _client(self, who: str, way: Way) -> str:
        visitors = self._visitors
        authority = f"/proc/{visitors.pid(self._nodes[-1])}/root{CERTS_D}/.airgap/ca.crt"
        prefix = "" if who == "local user" else " ".join(map(str, visitors.commands[who]))
        place = f"--resolve {way.name}:{way.port}:{way.ip}"
        curl = f"{prefix} curl -sSf --max-time 60 --cacert {authority} {place}"
        urls = " ".join(f"-o /dev/null {way.url(path)}" for path in self._paths)
        return _CLIENT.format(stop=self._folder / "stop", curl=f"{curl} {urls}")
