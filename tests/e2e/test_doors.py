"""Who gets in where: a pod, a local user and a worker read, and none of them writes.

The tests of this file are one story and run in order; each rests on those before it.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import AIRGAP, Lab
from tests.e2e.test_main_job import ACCEPT, Story

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

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
            "worker": ["nsenter", "-t", self._pid(WORKER), "-n"],
            "local user": ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
        }
        service = story.get("service", "registry", "-n", "registry")["spec"]["clusterIP"]
        template = "{{.NetworkSettings.Networks.kind.IPAddress}}"
        node = self.lab.docker("inspect", NODE, "--format", template).strip()
        inside = (
            Way("registry.registry.svc", 443, service),
            Way("registry.registry.svc", 5000, service),
        )
        here = Way("localhost", 30443, "127.0.0.1")
        self.readers = {who: [Way(NODE, 30444, node), *inside[:1]] for who in WHO}
        self.writers = {who: [Way(NODE, 30443, node), *inside[1:]] for who in WHO}
        self.readers["local user"] = self.readers["local user"][:1]
        self.writers["local user"] = [self.writers["local user"][0], here]
        self.folder = Path(tempfile.mkdtemp())  # where anybody may read: pytest's own is private
        self.folder.chmod(0o755)
        self.authority = self.folder / "ca.crt"
        self.authority.write_text(story.ca())
        self.authority.chmod(0o644)

    def _pid(self, container: str) -> str:
        return self.lab.docker("inspect", container, "--format", "{{.State.Pid}}").strip()

    def _net_of(self, ip: str) -> Path:
        """Return the network namespace of a pod, which lies in its node."""
        for path in Path(f"/proc/{self._pid(WORKER)}/root/run/netns").iterdir():
            listed = self.lab.isolated("nsenter", f"--net={path}", "ip", "-4", "-o", "addr").stdout
            if f" {ip}/" in listed:
                return path
        pytest.fail(f"no network namespace has {ip}")

    def ask(self, who: str, way: Way, method: str, path: str, body: str = "") -> tuple[int, str]:
        done = self.lab.isolated(
            *self.commands[who], "curl", "-s", "-X", method, "--max-time", "20",
            "--cacert", self.authority, "-H", f"Accept: {ACCEPT}",
            "--resolve", f"{way.name}:{way.port}:{way.ip}", "-w", "\n%{http_code}",
            *(["--data-binary", body] if body else []), way.url(path),
        )  # fmt: skip
        text, _, status = done.stdout.rpartition("\n")
        return int(status), text


@pytest.fixture(scope="module")
def story(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    lab.upstreams("start")
    found = Story(lab, tmp_path_factory.mktemp("doors"))
    found.pack(found.spec, found.bundle)
    found.unpack(found.bundle)
    yield found
    lab.isolated(AIRGAP, "teardown", "--yes", "--kubeconfig", found.kubeconfig)


@pytest.fixture(scope="module")
def visitors(story: Story) -> Iterator[Visitors]:
    found = Visitors(story)
    yield found
    shutil.rmtree(found.folder)


@pytest.mark.parametrize("who", WHO)
def test_all_read(visitors: Visitors, who: str) -> None:
    digest = visitors.lab.env["digests"]["nginx"]
    for way in visitors.readers[who]:
        status, text = visitors.ask(who, way, "GET", "/v2/_catalog")
        assert status == 200, way
        assert "docker.io/library/nginx" in json.loads(text)["repositories"]
        status, _ = visitors.ask(who, way, "GET", f"{NGINX}/manifests/{digest}")
        assert status == 200, way


@pytest.mark.parametrize("who", WHO)
def test_none_of_them_writes(visitors: Visitors, who: str) -> None:
    story = visitors.story
    digest = visitors.lab.env["digests"]["nginx"]
    manifest = story.registry(f"{NGINX}/manifests/1.22").decode()
    content = story.blobs_in_registry()
    writes = [
        ("POST", f"{NGINX}/blobs/uploads/", ""),
        ("POST", f"{NGINX}/blobs/uploads/?mount={digest}&from=docker.io/library/busybox", ""),
        ("PUT", f"{NGINX}/manifests/1.22", '{"schemaVersion": 2}'),
        ("PUT", f"{NGINX}/manifests/new", manifest),
        ("DELETE", f"{NGINX}/manifests/1.22", ""),
        ("DELETE", f"{NGINX}/manifests/{digest}", ""),
    ]
    for ways, refused in ((visitors.readers, 405), (visitors.writers, 401)):
        for way in ways[who]:
            for method, path, body in writes:
                status, text = visitors.ask(who, way, method, path, body)
                assert status == refused, (who, way, method, path, text)
    assert story.registry(f"{NGINX}/manifests/1.22").decode() == manifest
    assert story.blobs_in_registry() == content


def test_the_registry_takes_no_more_than_its_share(visitors: Visitors) -> None:
    (pod,) = visitors.story.pods("registry").values()
    for container in pod["spec"]["containers"]:
        assert container["resources"]["limits"] == {"memory": "512Mi"}
    restarts = [each["restartCount"] for each in pod["status"]["containerStatuses"]]
    assert restarts == [0, 0]


def test_an_image_under_the_registry_s_name_does_not_run_in_its_place(visitors: Visitors) -> None:
    """Somebody who may run pods pulls one under the tag by which a release before named it."""
    story, lab = visitors.story, visitors.lab
    (pod,) = story.pods("registry").values()
    image = pod["spec"]["containers"][0]["image"]
    repository, _, digest = image.partition("@")
    tag = f"{repository}:sha256-{digest[7:19]}"
    listed = lab.docker("exec", NODE, "ctr", "-n", "k8s.io", "images", "ls", "-q").split()
    other = next(name for name in listed if "pause" in name and "@" not in name)
    lab.docker("exec", NODE, "ctr", "-n", "k8s.io", "images", "tag", "--force", other, tag)
    story.kubectl("-n", "registry", "delete", "pod", pod["metadata"]["name"])
    story.kubectl("-n", "registry", "rollout", "status", "deployment/registry", "--timeout=90s")
    (again,) = story.pods("registry").values()
    for each in again["status"]["containerStatuses"]:
        assert each["imageID"].endswith(digest)
    lab.docker("exec", NODE, "ctr", "-n", "k8s.io", "images", "rm", tag)


def test_a_cluster_with_one_open_door_is_taken_over(visitors: Visitors) -> None:
    """As a release before left it: one container, no password, the tag for a name."""
    story, lab = visitors.story, visitors.lab
    content = story.blobs_in_registry()
    authority = story.ca()
    as_before(story)
    done = lab.isolated(AIRGAP, "trust", "--print", check=False)
    assert "from a release before, and open to all" in done.stderr
    lab.isolated(AIRGAP, "up")
    assert story.blobs_in_registry() == content
    assert story.ca() == authority
    for who in WHO:
        way = visitors.writers[who][0]  # the Service has another address now
        assert visitors.ask(who, way, "POST", f"{NGINX}/blobs/uploads/")[0] == 401
    story.run_pods({"taken": "nginx:1.22"})
    result = story.unpack(story.bundle)
    assert result["push"]["uploaded_blob_count"] == 0
    (pod,) = story.pods("registry").values()
    assert all("@sha256:" in each["image"] for each in pod["spec"]["containers"])
    assert lab.isolated(AIRGAP, "status", "-q").returncode == 0


def as_before(story: Story) -> None:
    from airgap.cluster.objects import former
    from airgap.cluster.parameters import Parameters

    (record, *_) = story.get("configmap", "-n", "registry", "-l", "airgap/record=bundle")["items"]
    value = json.loads(record["data"]["bundle.json"])["parameters"]
    parameters = Parameters.from_json(value | {"read_port": 0})
    text = former.render_yaml(parameters)
    tag = next(line.split()[1] for line in text.decode().splitlines() if " image: " in line)
    digest = f"docker.io/airgap/registry@{parameters.registry_digest}"
    story.lab.docker("exec", NODE, "ctr", "-n", "k8s.io", "images", "tag", "--force", digest, tag)
    story.kubectl("-n", "registry", "delete", "deployment/registry", "service/registry")
    gone = (
        '[{"op": "remove", "path": "/data/password"}, {"op": "remove", "path": "/data/htpasswd"}]'
    )
    story.kubectl("-n", "registry", "patch", "secret", "registry", "--type=json", "-p", gone)
    apply = ("apply", "--server-side", "--force-conflicts", "--field-manager=airgap", "-f", "-")
    story.kubectl(*apply, input=text.decode())
    story.kubectl("-n", "registry", "rollout", "status", "deployment/registry", "--timeout=90s")
