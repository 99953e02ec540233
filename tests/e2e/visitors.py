"""Who asks the registry, and from where; none of them has a password."""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.test_main_job import ACCEPT, Story

NODE, WORKER = "kind-control-plane", "kind-worker"
NGINX = "/v2/docker.io/library/nginx"
WHO = ("pod", "worker", "local user")


@dataclass(frozen=True)
class Way:
    """One way to a door: the name that the certificate has, a port, and the real address."""

    name: str
    port: int
    ip: str

    def url(self, path: str) -> str:
        return f"https://{self.name}:{self.port}{path}"


class Visitors:
    """Runs curl where each of them is; none of them has a password."""

    def __init__(self, story: Story) -> None:
        self.story, self.lab = story, story.lab
        story.run_pods({"visitor": "busybox:1.36"}, (WORKER,))
        pod = story.pods()["visitor-0"]
        self.commands: dict[str, list[object]] = {
            "pod": ["nsenter", f"--net={self._net_of(pod['status']['podIP'])}"],
            "worker": ["nsenter", "-t", self.pid(WORKER), "-n"],
            "local user": ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
        }
        service = story.get("service", "registry", "-n", "registry")["spec"]["clusterIP"]
        node, other = self.address(NODE), self.address(WORKER)
        inside = (
            Way("registry.registry.svc", 443, service),
            Way("registry.registry.svc", 5000, service),
        )
        here = Way("localhost", 30443, "127.0.0.1")
        self.readers = {who: [Way(NODE, 30444, node), *inside[:1]] for who in WHO}
        self.writers = {who: [Way(NODE, 30443, node), *inside[1:]] for who in WHO}
        self.readers["local user"][1:] = []
        self.writers["local user"][1:] = [here]
        for who in WHO:  # a node that the registry does not run on has its ports, too
            self.readers[who].append(Way(WORKER, 30444, other))
            self.writers[who].append(Way(WORKER, 30443, other))
        self.folder = Path(tempfile.mkdtemp())  # where anybody may read: pytest's own is private
        self.folder.chmod(0o755)
        self.authority = self.folder / "ca.crt"
        self.authority.write_text(story.ca())
        self.authority.chmod(0o644)

    def address(self, container: str) -> str:
        template = "{{.NetworkSettings.Networks.kind.IPAddress}}"
        return self.lab.docker("inspect", container, "--format", template).strip()

    def pid(self, container: str) -> str:
        return self.lab.docker("inspect", container, "--format", "{{.State.Pid}}").strip()

    def _net_of(self, ip: str) -> Path:
        """Return the network namespace of a pod, which lies in its node."""
        for path in Path(f"/proc/{self.pid(WORKER)}/root/run/netns").iterdir():
            listed = self.lab.isolated("nsenter", f"--net={path}", "ip", "-4", "-o", "addr").stdout
            if f" {ip}/" in listed:
                return path
        pytest.fail(f"no network namespace has {ip}")

    def content(self) -> list[str]:
        """Where an image's manifest and its first layer are."""
        app = "/v2/quay.io/org/app"
        index = json.loads(self.story.registry(f"{app}/manifests/1.0"))
        manifest = f"{app}/manifests/{index['manifests'][0]['digest']}"
        layer = json.loads(self.story.registry(manifest))["layers"][0]["digest"]
        return [manifest, f"{app}/blobs/{layer}"]

    def ask(self, who: str, way: Way, method: str, path: str, body: str = "") -> tuple[int, str]:
        done = self.lab.isolated(
            *self.commands[who], "curl", "-s", "-X", method, "--max-time", "20",
            "--cacert", self.authority, "-H", f"Accept: {ACCEPT}",
            "--resolve", f"{way.name}:{way.port}:{way.ip}", "-w", "\n%{http_code}",
            *(["--data-binary", body] if body else []), way.url(path),
        )  # fmt: skip
        text, _, status = done.stdout.rpartition("\n")
        return int(status), text

    def leave(self) -> None:
        shutil.rmtree(self.folder)
