"""Who gets in where: a pod, a local user and a worker read, and none of them writes.

The tests of this file are one story and run in order; each rests on those before it.
"""

import base64
import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import AIRGAP, REPO, Lab
from tests.e2e.damage import Volume
from tests.e2e.pulls import CERTS_D, Pulls
from tests.e2e.signed import HERE, Signed
from tests.e2e.test_main_job import Story
from tests.e2e.visitors import NGINX, NODE, WHO, WORKER, Visitors
from tests.support import schema

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def signed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    lab.upstreams("start")
    return Signed.made(lab, tmp_path_factory.mktemp("signed") / "home")


@pytest.fixture(scope="module")
def story(lab: Lab, signed: Signed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    found = Story(lab, tmp_path_factory.mktemp("doors"))
    signed.add_to(found.spec)
    told = found.pack(found.spec, found.bundle)
    (found.folder / "packed.json").write_text(json.dumps(told))
    plant(found)
    found.unpack(found.bundle)
    yield found
    lab.isolated(AIRGAP, "teardown", "--yes", "--kubeconfig", found.kubeconfig)


def parameters(story: Story) -> dict[str, str]:
    text = story.lab.isolated("tar", "xOf", story.bundle, "airgap.json").stdout
    found: dict[str, str] = json.loads(text)["parameters"]
    return found


def plant(story: Story) -> None:
    """Let docker have another image as the node image, as somebody's archive would bring it."""
    name = f"airgap/node:sha256-{parameters(story)['node_digest'][7:19]}"
    tar = story.folder / "evil.tar"
    story.lab.isolated("tar", "cf", tar, "-C", story.folder, story.spec.name)
    planted = story.lab.docker("import", tar, name).strip()
    assert story.lab.docker("inspect", name, "--format", "{{.Id}}").strip() == planted


def test_what_is_attached_holds_in_the_cluster_s_registry(story: Story, signed: Signed) -> None:
    programs = signed.there(story)
    signed.check(programs)
    before = story.blobs_in_registry()
    assert story.unpack(story.bundle)["push"]["uploaded_blob_count"] == 0
    assert story.blobs_in_registry() == before, "a second run adds nothing"
    signed.check(programs)


def test_a_chart_is_installed_from_the_cluster_s_registry(story: Story, signed: Signed) -> None:
    programs = signed.there(story)
    told = json.loads((story.folder / "packed.json").read_text())
    (line,) = (one["install"] for one in told["charts"])
    words = line.replace("NAME", "shop").replace("REGISTRY", HERE).split()
    assert "--ca-file" in words
    programs.run(*words)
    installed = story.kubectl("get", "configmap", "x", "-o", "jsonpath={.metadata.labels}").stdout
    assert "Helm" in installed


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
    steps = ("Let nodes trust", "Change the registry", "Forget the CA before")
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


def test_where_reading_is_closed_nodes_pull_and_nobody_else_does(visitors: Visitors) -> None:
    story, lab = visitors.story, visitors.lab
    digest = lab.env["digests"]["nginx"]
    visitors.authority.write_text(story.ca())
    story.unpack(story.bundle, "--registry-auth", "all")
    for who in WHO:
        for way in visitors.readers[who]:
            for path in ("/v2/_catalog", f"{NGINX}/manifests/{digest}"):
                assert visitors.ask(who, way, "GET", path)[0] == 401, (who, way)
    for node in (NODE, WORKER):
        command = ("ctr", "-n", "k8s.io", "images", "rm", "--sync", "quay.io/org/app:1.0")
        lab.docker("exec", node, *command, check=False)
    story.run_pods({"closed": "quay.io/org/app:1.0", "named": f"{NODE}:30443/nginx:1.22"})
    mode = lab.docker("exec", NODE, "stat", "-c", "%a", CERTS_D + "/docker.io/hosts.toml")
    assert mode == "600\n"
    assert lab.isolated(AIRGAP, "status", "-q").returncode == 0
    lab.isolated(AIRGAP, "up")
    assert visitors.ask("pod", visitors.readers["pod"][0], "GET", "/v2/_catalog")[0] == 401
    story.unpack(story.bundle, "--registry-auth", "write")
    for who in WHO:
        for way in visitors.readers[who]:
            assert visitors.ask(who, way, "GET", "/v2/_catalog")[0] == 200, (who, way)
    assert "Authorization" not in lab.docker("exec", NODE, "cat", CERTS_D + "/docker.io/hosts.toml")


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


def checked(story: Story) -> int:
    """Compare the registry with the bundle, and return the exit code."""
    folder = story.folder / "docker"
    folder.mkdir(exist_ok=True)
    pair = base64.b64encode(f"airgap:{story.secret('password')}".encode()).decode()
    config = {"auths": {"localhost:30443": {"auth": pair}}}
    (folder / "config.json").write_text(json.dumps(config))
    (story.folder / "ca.crt").write_text(story.ca())
    command = ("push", story.bundle, "localhost:30443", "--check", "--ca", story.folder / "ca.crt")
    environment = os.environ | {"DOCKER_CONFIG": str(folder)}
    return story.lab.isolated(AIRGAP, *command, env=environment, check=False).returncode


def test_fifty_times_one_blob_or_tag_is_lost_or_changed(visitors: Visitors) -> None:
    """Each is named by status, and all are put right by unpack."""
    story, lab = visitors.story, visitors.lab
    volume = Volume(lab, NODE)
    before, chance = volume.state(), random.Random(19)
    assert story.unpack(story.bundle, "--no-smoke-test")["push"]["uploaded_blob_count"] == 0
    for _ in range(5):
        damaged = volume.damage(chance, 10)
        done = lab.isolated(AIRGAP, "status", "--deep", "--json", check=False)
        told = "\n".join(schema.read("status", done.stdout)["problems"])
        assert done.returncode == 7
        assert [name for name in damaged if name not in told] == [], told
        assert checked(story) != 0
        again = lab.isolated(*story.unpack_command(story.bundle, "--no-smoke-test"))
        assert [name for name in damaged if name not in again.stderr] == [], again.stderr
        assert volume.state() == before
        assert checked(story) == 0
        assert lab.isolated(AIRGAP, "status", "--deep", "-q").returncode == 0
    story.run_pods({"healed": "quay.io/org/app:1.0"})


def test_another_image_under_the_node_image_s_name_did_not_run(visitors: Visitors) -> None:
    story, lab = visitors.story, visitors.lab
    record = story.get("configmap", "-n", "registry", "-l", "airgap/record=bundle")["items"][0]
    ids = json.loads(record["data"]["bundle.json"])["node_ids"]
    assert parameters(story)["node_digest"] in ids
    for node in (NODE, WORKER):
        assert lab.docker("inspect", node, "--format", "{{.Image}}").strip() in ids


def test_other_content_under_the_registry_s_digest_is_named_and_put_right(
    visitors: Visitors,
) -> None:
    """As root on the node does it: nothing else can."""
    story, lab = visitors.story, visitors.lab
    name = f"docker.io/airgap/registry@{parameters(story)['registry_digest']}"
    ctr = ("exec", NODE, "ctr", "-n", "k8s.io", "images")
    listed = lab.docker(*ctr, "ls", "-q").split()
    other = next(each for each in listed if "pause" in each and "@" not in each)
    lab.docker(*ctr, "tag", "--force", other, name)
    (pod,) = story.pods("registry")
    story.kubectl("-n", "registry", "delete", "pod", pod)
    done = lab.isolated(AIRGAP, "status", check=False)
    assert done.returncode == 7
    assert f"{NODE} does not have {name.partition('@')[2][:19]} as" in done.stderr
    story.unpack(story.bundle, "--no-smoke-test")
    (again,) = story.pods("registry").values()
    for each in again["status"]["containerStatuses"]:
        assert each["imageID"].endswith(name.partition("@")[2])
    assert lab.isolated(AIRGAP, "status", "-q").returncode == 0


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
