"""Who gets in where: a pod, a local user and a worker read, and none of them writes.

The tests of this file are one story and run in order; each rests on those before it.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import AIRGAP, REPO, Lab
from tests.e2e.pulls import Pulls
from tests.e2e.test_main_job import Story
from tests.e2e.visitors import NGINX, NODE, WHO, WORKER, Visitors

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


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
    found.leave()


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


def test_a_thousand_pulls_while_the_certificate_is_renewed(visitors: Visitors) -> None:
    """And while one that renews is killed at each step, and another goes on."""
    story, lab = visitors.story, visitors.lab
    before = story.ca(), story.secret("tls.key"), story.secret("password")
    steps = ("Let nodes believe", "Change the registry", "Forget the CA before")
    with Pulls(visitors, (NODE, WORKER)) as pulls:
        for step in steps:
            kill_at(step, REPO / "scripts/lab", "exec", AIRGAP, "renew")
            assert story.secret("next-ca.crt") or step == steps[-1], "what was begun is kept"
        lab.isolated(AIRGAP, "renew")
        again = story.ca()
        while pulls.ended < 1000:
            lab.isolated(AIRGAP, "renew")
    assert pulls.failed == []
    assert min(pulls.each) >= 10, pulls.each
    after = story.ca(), story.secret("tls.key"), story.secret("password")
    assert before[0] != again
    assert before[1] != after[1]
    assert before[2] == after[2]
    assert after[0].count("BEGIN CERTIFICATE") == 1
    visitors.authority.write_text(after[0])
    for node in (NODE, WORKER):
        path = "/etc/containerd/certs.d/.airgap/ca.crt"
        assert lab.docker("exec", node, "cat", path) == after[0]
    assert lab.isolated(AIRGAP, "status", "-q").returncode == 0
    assert visitors.ask("pod", visitors.readers["pod"][0], "GET", "/v2/_catalog")[0] == 200


def kill_at(words: str, *command: object) -> None:
    """Kill a command, and all it started, as soon as it says something."""
    with subprocess.Popen(
        list(map(str, command)), start_new_session=True, text=True, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stderr
        for line in process.stderr:
            if words in line:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


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
