"""One cluster whose nodes run containerd 2.2, 1.7, 1.6 and 2.1: all believe what airgap writes.

The nodes of other releases are given by a kind patch, each from an image that stands on the
lab's own. The tests of this file are one story and run in order.
"""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import AIRGAP, REPO, Lab
from tests.e2e.test_main_job import LIST, SPEC, Story, pod
from tests.support import schema

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

CONTROL_PLANE = "kind-control-plane"
RELEASES = {"kind-worker": "1.7", "kind-worker2": "1.6", "kind-worker3": "2.1"}
"""The containerd of each worker; the control plane has the lab's own."""
NODES = (CONTROL_PLANE, *RELEASES)
LATER = "quay.io/org/extra:2.0"
"""An image that no node pulls before the last test."""
DOCKERFILE = "FROM {}\nCOPY containerd ctr containerd-shim-runc-v2 /usr/local/bin/\n"


def node_image(lab: Lab, release: str) -> str:
    """Make a node image of another containerd on the isolated host, which has the lab's own."""
    name = f"containerd-{release}:1"
    dockerfile = DOCKERFILE.format(lab.env["node_image"].removeprefix("docker.io/"))
    folder = Path(lab.env["containerds"]) / release
    lab.docker("build", "-t", name, "-f", "-", folder, input=dockerfile)
    return name


@pytest.fixture(scope="module")
def story(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    lab.upstreams("start")
    found = Story(lab, tmp_path_factory.mktemp("containerds"))
    found.spec.write_text(
        SPEC.replace("workers: 1", "workers: 3").replace("images: [", f"images: [{LATER!r}, ")
    )
    found.pack(found.spec, found.bundle)
    lab.upstreams("stop")
    lab.docker("load", "-i", found.bundle)
    yield found
    lab.upstreams("start")
    lab.isolated(lab.env["kind"], "delete", "cluster", "--name", "kind")
    lab.docker("image", "rm", "-f", *(f"containerd-{release}:1" for release in RELEASES.values()))


def patch(story: Story) -> Path:
    """Write the lab's patch with an image for each worker; JSON is YAML."""
    nodes = [{}, *({"image": node_image(story.lab, release)} for release in RELEASES.values())]
    path = story.folder / "patch.yaml"
    own = Path(story.lab.env["kind_patch"]).read_text()
    path.write_text(f"{own}\nnodes: {json.dumps(nodes)}\n")
    return path


def test_unpack_makes_nodes_of_every_release_believe_the_registry(story: Story) -> None:
    result = story.unpack(story.bundle, "--kind-patch", patch(story))
    assert result["created"]
    for node, release in {**RELEASES, CONTROL_PLANE: "2.2"}.items():
        said = story.get("node", node)["status"]["nodeInfo"]["containerRuntimeVersion"]
        assert said.startswith(f"containerd://{release}."), node
    found = schema.read("status", story.lab.isolated(AIRGAP, "status", "--json").stdout)
    assert found["problems"] == []
    assert {node["name"] for node in found["nodes"] if node["trusts"]} == {*NODES}


def test_unmodified_names_run_on_all_by_tag_and_by_digest(story: Story) -> None:
    digests = story.lab.env["digests"]
    images = {
        "hub-tag": "nginx:1.22",
        "hub-digest": f"nginx@{digests['nginx']}",
        "other-tag": "quay.io/org/app:1.0",
        "other-digest": f"quay.io/org/app@{digests['app']}",
        "own": f"{CONTROL_PLANE}:30443/busybox:1.36",
    }
    story.run_pods(images, NODES)


def test_what_the_registry_lacks_is_told_as_not_found(story: Story) -> None:
    """A node that could not read the file would ask quay.io itself, which it cannot look up."""
    pods = [pod(f"absent-{n}", "quay.io/org/absent:1", node) for n, node in enumerate(NODES)]
    story.kubectl("apply", "-f", "-", input=json.dumps({**LIST, "items": pods}))
    for found in pods:
        name, node = found["metadata"]["name"], found["spec"]["nodeName"]
        assert "absent:1: not found" in why_it_waits(story, name), node


def why_it_waits(story: Story, pod_name: str) -> str:
    """Return what the node says of a pod whose image cannot be pulled."""
    reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
    for _ in range(60):
        if "Image" in story.kubectl("get", "pod", pod_name, "-o", reason).stdout:
            break
        time.sleep(1)
    fields = f"involvedObject.name={pod_name},type=Warning"
    return story.kubectl("get", "events", "--field-selector", fields).stdout


def test_the_page_of_serve_holds_for_all(story: Story) -> None:
    """Each node runs the commands of the page, then pulls from a serve on the host."""
    page = (REPO / "docs/guide/serve.md").read_text()
    (block,) = (b for b in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "hosts.toml" in b)
    template = "{{range .IPAM.Config}}{{.Gateway}} {{end}}"
    gateways = story.lab.docker("network", "inspect", "kind", "--format", template).split()
    gateway = next(address for address in gateways if "." in address)
    with served(story, gateway) as log:
        for node in NODES:
            script = f"echo {gateway} mirror.site >>/etc/hosts; cd /root; sudo() {{ $@; }}\n{block}"
            story.lab.docker("cp", story.folder / "mirror.crt", f"{node}:/root/ca.crt")
            story.lab.docker("exec", "-i", node, "bash", "-es", input=script)
        story.run_pods({"later": LATER}, NODES)
    asked = set(re.findall(r"(\S+) HEAD /v2/quay.io/org/extra/manifests/2.0 200", log.read_text()))
    assert len(asked) == len(NODES), log.read_text()


@contextmanager
def served(story: Story, address: str) -> Iterator[Path]:
    """Serve the bundle on the isolated host for the time of a block; yields what it says."""
    log, ca = story.folder / "serve.log", story.folder / "mirror.crt"
    command = [
        REPO / "scripts/lab", "exec", AIRGAP, "serve", story.bundle, "-v", "--listen",
        f"{address}:5000", "--host", "mirror.site", "--ca-out", ca,
    ]  # fmt: skip
    with log.open("w") as file:
        process = subprocess.Popen(list(map(str, command)), stdout=file, stderr=file)
    try:
        for _ in range(300):
            if "Serving" in log.read_text() or process.poll() is not None:
                break
            time.sleep(0.1)
        yield log
    finally:
        process.terminate()
        assert process.wait(30) == 0
