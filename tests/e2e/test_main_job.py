"""The main job, for real: pack from registries, unpack on an isolated host, pods run.

The tests of this file are one story and run in order; each rests on those before it.
"""

import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import AIRGAP, REPO, Lab, run
from tests.e2e.forwarder import Forwarder
from tests.support import schema

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SPEC = """
name: lab
serial: 1
images: ["nginx:1.22", "nginx:1.22.1", "quay.io/org/app:1.0", "busybox:1.36"]
node-image: kindest/node:v1.34.4
registry-image: registry:3.1.1
workers: 1
"""
NODES = ("kind-control-plane", "kind-worker")
LIST = {"apiVersion": "v1", "kind": "List"}
ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
STORAGE = "/var/lib/airgap/registry/docker/registry/v2/blobs/sha256"


class Story:
    """What the tests hand on to each other."""

    def __init__(self, lab: Lab, folder: Path, kubeconfig: str = "kubeconfig") -> None:
        self.lab, self.folder = lab, folder
        self.spec = folder / "lab.yaml"
        self.spec.write_text(SPEC)
        self.bundle = folder / "lab.tar"
        self.kubeconfig = folder / kubeconfig

    @property
    def pack_options(self) -> list[str]:
        return [*self.lab.mirrors, "--kind", self.lab.env["kind"]]

    def pack(self, spec: Path, bundle: Path, *more: object) -> dict[str, Any]:
        done = self.lab.airgap("pack", spec, "-o", bundle, "--json", *self.pack_options, *more)
        return schema.read("pack", done.stdout)

    def unpack_command(self, bundle: Path, *more: object) -> list[object]:
        return [
            AIRGAP, "unpack", bundle, "--json", "--kubeconfig", self.kubeconfig,
            "--kind-patch", self.lab.env["kind_patch"], *more,
        ]  # fmt: skip

    def unpack(self, bundle: Path, *more: object, **options: Any) -> dict[str, Any]:
        done = self.lab.isolated(*self.unpack_command(bundle, *more), **options)
        return schema.read("unpack", done.stdout)

    def kubectl(
        self, *arguments: object, check: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        command = ("kubectl", "--kubeconfig", self.kubeconfig, *arguments)
        return self.lab.isolated(*command, check=check, **options)

    def get(self, *arguments: object) -> Any:
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def pods(self, namespace: str = "default") -> dict[str, Any]:
        found = self.get("pods", "-n", namespace)
        return {pod["metadata"]["name"]: pod for pod in found["items"]}

    def run_pods(self, images: dict[str, str], nodes: tuple[str, ...] = NODES) -> None:
        """Run a pod of each image on each node, always pulled, and wait until all are ready."""
        pods = {
            f"{n}-{i}": (image, node) for n, image in images.items() for i, node in enumerate(nodes)
        }
        items = [pod(name, *what) for name, what in pods.items()]
        text = json.dumps({**LIST, "items": items})
        self.kubectl("apply", "-f", "-", input=text)
        names = [f"pod/{name}" for name in pods]
        done = self.kubectl("wait", "--for=condition=Ready", "--timeout=90s", *names, check=False)
        if done.returncode:
            pytest.fail(done.stderr + self.kubectl("get", "events").stdout)

    def registry(self, path: str) -> bytes:
        """Get something from the registry, believing the CA in its Secret alone."""
        (self.folder / "ca.crt").write_text(self.ca())
        login = f'user = "airgap:{self.secret("password")}"'
        done = self.lab.isolated(
            "curl", "-sf", "-K", "-", "--cacert", self.folder / "ca.crt",
            "-H", f"Accept: {ACCEPT}", f"https://localhost:30443{path}", input=login,
        )  # fmt: skip
        return done.stdout.encode()

    def secret(self, key: str) -> str:
        """Return what the registry's Secret has; empty where it does not have it."""
        template = f'go-template={{{{with index .data "{key}"}}}}{{{{base64decode .}}}}{{{{end}}}}'
        return self.kubectl("-n", "registry", "get", "secret", "registry", "-o", template).stdout

    def ca(self) -> str:
        text = self.secret("ca.crt")
        assert text.startswith("-----BEGIN CERTIFICATE-----")
        return text

    def blobs_in_registry(self) -> set[str]:
        script = f"ls -d {STORAGE}/*/*/data || true"
        listing = self.lab.docker("exec", NODES[0], "sh", "-c", script)
        return {line.split("/")[-2] for line in listing.split()}

    def started(self) -> dict[str, Any]:
        """When every pod was started, and how often."""
        pods = self.pods() | self.pods("registry")
        return {name: pod["status"]["containerStatuses"][0]["state"] for name, pod in pods.items()}


def pod(name: str, image: str, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": image, "imagePullPolicy": "Always"}],
        },
    }


@pytest.fixture(scope="module")
def story(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    lab.upstreams("start")
    yield Story(lab, tmp_path_factory.mktemp("story"))
    lab.upstreams("start")
    for name in lab.isolated(lab.env["kind"], "get", "clusters").stdout.split():
        lab.isolated(lab.env["kind"], "delete", "cluster", "--name", name)


def kill_when(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
    """Kill a process, and all it started, as soon as a condition holds."""
    end = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end, "the moment to kill it never came"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_pack_killed_during_download_goes_on(story: Story) -> None:
    """Without a docker daemon; what was complete is not transferred again."""
    slow = Forwarder(story.lab.env["hub"], rate=40_000_000)
    mirror = ("--registry-mirror", f"docker.io={slow.address}")
    journal = story.bundle.with_name("lab.tar.partial.journal")
    command = [AIRGAP, "pack", story.spec, "-o", story.bundle, *story.pack_options, *mirror]
    process = subprocess.Popen(
        list(map(str, command)), env=story.lab.connected_env, start_new_session=True,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    kill_when(process, lambda: slow.received > 100_000_000)
    before = slow.received
    assert not story.bundle.exists()
    assert journal.exists()

    result = story.pack(story.spec, story.bundle, *mirror)
    slow.close()
    # At most what was on its way, or not yet noted in the journal, may come twice: of each open
    # connection one step of the journal and what lies in the sockets.
    assert slow.received < story.bundle.stat().st_size + 16 * (12 << 20)
    assert result["fetched"] < result["size"] - before / 2
    assert not journal.exists()
    assert result["secret"]
    assert story.bundle.stat().st_mode & 0o077 == 0


def test_unpack_killed_during_push_goes_on(story: Story) -> None:
    """On a host with loopback only; nothing that arrived is sent again; no copy of the bundle."""
    story.lab.upstreams("stop")
    assert story.lab.isolated("ip", "route", "show", "default").stdout == ""

    command = [REPO / "scripts/lab", "exec", *story.unpack_command(story.bundle)]
    process = subprocess.Popen(
        list(map(str, command)), start_new_session=True, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr
    lines: list[str] = []
    reader = threading.Thread(target=lines.extend, args=(process.stderr,))
    reader.start()
    try:
        kill_when(process, lambda: any("Push the images" in line for line in lines))
    except AssertionError:
        reader.join(5)
        pytest.fail("".join(lines))
    reader.join(5)
    process.stderr.close()
    arrived = story.blobs_in_registry()

    tmp = story.folder / "tmp"
    tmp.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", tmp)
    try:
        result = story.unpack(story.bundle, env=os.environ | {"TMPDIR": str(tmp)})
    finally:
        run("umount", tmp)
    assert not result["created"], "the cluster of the first run is kept"
    wanted = carried_blobs(story.bundle)
    assert result["push"]["uploaded_blob_count"] == len(wanted - arrived)
    assert wanted <= story.blobs_in_registry()


def carried_blobs(bundle: Path) -> set[str]:
    """Return the configs and layers of a bundle's images, read without airgap."""
    names = set(run("tar", "tf", bundle).stdout.split())
    table = json.loads(run("tar", "xOf", bundle, "airgap.json").stdout)
    todo = [image["digest"][7:] for image in table["images"]]
    found: set[str] = set()
    while todo:
        name = f"blobs/sha256/{todo.pop()}"
        if name not in names:
            continue  # a platform that is not carried
        value = json.loads(run("tar", "xOf", bundle, name).stdout)
        todo += [child["digest"][7:] for child in value.get("manifests", [])]
        found |= {blob["digest"][7:] for blob in value.get("layers", [])}
        found |= {value["config"]["digest"][7:]} if "config" in value else set()
    return found


def test_pods_run_under_every_name_on_every_node(story: Story) -> None:
    digests = story.lab.env["digests"]
    images = {
        "tag": "nginx:1.22",
        "digest": f"nginx@{digests['nginx']}",
        "quay-tag": "quay.io/org/app:1.0",
        "quay-index": f"quay.io/org/app@{digests['app']}",
        "by-node": "kind-control-plane:30443/nginx:1.22",
        "by-localhost": "localhost:30443/nginx:1.22",
        "by-service": "registry.registry.svc/quay.io/org/app:1.0",
        "full-name": f"localhost:30443/docker.io/library/nginx@{digests['nginx']}",
        "busybox": "docker.io/library/busybox:1.36",
    }
    story.run_pods(images)
    for pod in ("tag-0", "tag-1"):
        path = f"/api/v1/namespaces/default/pods/{pod}:80/proxy/"
        assert "nginx in the lab" in story.kubectl("get", "--raw", path).stdout


def test_every_digest_is_the_upstream_s(story: Story) -> None:
    digests = story.lab.env["digests"]
    for repository, tag, name in (
        ("docker.io/library/nginx", "1.22", "nginx"),
        ("docker.io/library/nginx", "1.22.1", "nginx"),
        ("nginx", "1.22", "nginx"),
        ("docker.io/library/busybox", "1.36", "busybox"),
        ("quay.io/org/app", "1.0", "app"),
        ("org/app", "1.0", "app"),
    ):
        body = story.registry(f"/v2/{repository}/manifests/{tag}")
        assert f"sha256:{hashlib.sha256(body).hexdigest()}" == digests[name]


def test_a_second_run_does_nothing(story: Story) -> None:
    before = story.started()
    result = story.unpack(story.bundle)
    assert result["push"]["uploaded_blob_count"] == 0
    assert result["push"]["tags"] == []
    assert result["push"]["complete_image_count"] == 4
    changing = {step["step"] for step in result["steps"] if step["outcome"] != "already there"}
    assert changing == {"Check this host", "Push the images", "Run a pod from the registry"}
    assert story.started() == before


def test_a_second_bundle_adds_only_what_is_new(story: Story) -> None:
    story.lab.upstreams("start")
    spec, second = story.folder / "second.yaml", story.folder / "second.tar"
    spec.write_text(SPEC.replace("images: [", 'images: ["quay.io/org/extra:2.0", '))
    packed = story.pack(spec, second, "--reuse", story.bundle)
    assert packed["fetched"] < 10_000  # its config: the layer is that of org/app
    story.lab.upstreams("stop")

    authority, started, arrived = story.ca(), story.started(), story.blobs_in_registry()
    result = story.unpack(second)
    assert result["push"]["uploaded_blob_count"] == 1
    assert len(story.blobs_in_registry() - arrived) == 2  # that config, and the manifest
    assert story.ca() == authority
    assert story.started() == started
    story.run_pods({"extra": "quay.io/org/extra:2.0"})
    records = story.get("configmap", "-n", "registry", "-l", "airgap/record=bundle")["items"]
    assert len(records) == 2


def test_the_registry_runs_as_designed_and_keeps_its_content(story: Story) -> None:
    (pod,) = story.pods("registry").values()
    spec = pod["spec"]
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["runAsNonRoot"]
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert "@sha256:" in container["image"]
    assert spec["nodeName"] == NODES[0]
    labels = story.get("namespace", "registry")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"

    content = story.blobs_in_registry()
    story.kubectl("-n", "registry", "delete", "pod", pod["metadata"]["name"])
    story.kubectl("-n", "registry", "rollout", "status", "deployment/registry", "--timeout=90s")
    wait_for_registry(story)
    assert story.blobs_in_registry() == content
    assert story.registry("/v2/nginx/manifests/1.22")


def test_the_content_survives_a_stop_of_the_nodes(story: Story) -> None:
    content = story.blobs_in_registry()
    story.lab.docker("stop", *NODES, timeout=180)
    for node in NODES:
        story.lab.docker("start", node)
    wait_for_registry(story)
    assert story.blobs_in_registry() == content
    story.run_pods({"after": "nginx:1.22"})
    assert story.unpack(story.bundle)["push"]["uploaded_blob_count"] == 0


def wait_for_registry(story: Story) -> None:
    end = time.monotonic() + 180
    url = "https://localhost:30443/"
    rollout = ("-n", "registry", "rollout", "status", "deployment/registry", "--timeout=10s")
    curl = ("curl", "-sf", "--cacert", story.folder / "ca.crt", url)
    while (
        story.kubectl(*rollout, check=False).returncode
        or story.lab.isolated(*curl, check=False).returncode
    ):
        assert time.monotonic() < end, "the registry did not come back"
        time.sleep(1)


def test_another_cluster_from_the_same_bundle(story: Story) -> None:
    """Its names are not in the bundle's certificate, so a CA of its own is made."""
    other = Story(story.lab, story.folder, "other-kubeconfig")
    options = ("--cluster-name", "other", "--host-port", "30444", "--workers", "0")
    done = story.lab.isolated(*other.unpack_command(story.bundle, *options))
    assert schema.read("unpack", done.stdout)["created"]
    assert "a new CA is made here" in done.stderr
    assert other.ca() != story.ca()
    other.run_pods({"tag": "nginx:1.22"}, ("other-control-plane",))
    story.lab.isolated(story.lab.env["kind"], "delete", "cluster", "--name", "other")


def test_a_failing_step_removes_the_cluster_that_it_made(story: Story) -> None:
    patch = story.folder / "broken.yaml"
    kubeadm = "- |\n  kind: ClusterConfiguration\n  kubernetesVersion: v1.1.1\n"
    patch.write_text((REPO / "scripts/lab.d/kind-patch.yaml").read_text() + kubeadm)
    options = ("--cluster-name", "broken", "--host-port", "30445", "--workers", "0")
    command = story.unpack_command(story.bundle, *options, "--kind-patch", patch)
    done = story.lab.isolated(*command, check=False)
    assert done.returncode == 7, done.stderr
    assert "kind create cluster --name broken" in done.stderr
    assert "hint: " in done.stderr
    clusters = story.lab.isolated(story.lab.env["kind"], "get", "clusters").stdout.split()
    assert clusters == ["kind"]


def test_a_taken_port_is_found_before_anything_is_changed(story: Story) -> None:
    command = story.unpack_command(story.bundle, "--cluster-name", "third")
    done = story.lab.isolated(*command, check=False)
    assert done.returncode == 6
    assert "error: port 30443 of 127.0.0.1 is taken" in done.stderr
    assert "hint: choose another with --host-port" in done.stderr
