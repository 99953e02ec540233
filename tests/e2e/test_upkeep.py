"""An operator's year: from a host with docker and Python alone to one that is as it was before.

The tests of this file are one story and run in order; each rests on those before it.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import AIRGAP, Lab, run
from tests.e2e.test_main_job import SPEC, Story, wait_for_registry
from tests.support import schema

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HOSTS, CERTS = Path("/etc/hosts"), Path("/etc/docker/certs.d")
NODE, WORKER = "kind-control-plane", "kind-worker"


def footprint(lab: Lab) -> dict[str, Any]:
    """Everything on the host that unpack and trust may touch."""
    return {
        "containers": lab.docker("ps", "-aq"),
        "volumes": lab.docker("volume", "ls", "-q"),
        "networks": lab.docker("network", "ls", "--format", "{{.Name}}"),
        "images": sorted(lab.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()),
        "hosts": HOSTS.read_text(),
        "certs": sorted(map(str, CERTS.rglob("*"))) if CERTS.exists() else None,
    }


@pytest.fixture(scope="module")
def story(lab: Lab, single_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    lab.upstreams("start")
    found = Story(lab, tmp_path_factory.mktemp("upkeep"))
    found.spec.write_text(SPEC.replace("workers: 1", "workers: 0"))
    options = ("-o", found.bundle, "--json", *found.pack_options)
    run(single_file, "pack", found.spec, *options, env=lab.connected_env)
    lab.upstreams("stop")
    yield found
    lab.upstreams("start")
    lab.isolated(lab.env["kind"], "delete", "cluster", "--name", "kind")
    if "airgap" in HOSTS.read_text():
        lines = HOSTS.read_text().splitlines(keepends=True)
        HOSTS.write_text("".join(line for line in lines if not line.endswith("# airgap\n")))


@pytest.fixture(scope="module")
def before(story: Story) -> dict[str, Any]:
    lab = story.lab
    for name in lab.docker("image", "ls", "-q", "airgap/node").split():
        lab.docker("rmi", "-f", name)
    lab.isolated("docker", "network", "rm", "kind", check=False)
    return footprint(lab)


def test_the_single_file_out_of_the_bundle_unpacks_it(
    story: Story, before: dict[str, Any], tmp_path: Path
) -> None:
    """With an empty home, without pip: tar takes it out, and it does the whole job."""
    run("tar", "xf", story.bundle, "-C", tmp_path, "airgap/bin")
    _, *arguments = story.unpack_command(story.bundle)
    (tmp_path / "home").mkdir()
    bare = ("env", "-i", f"HOME={tmp_path}/home", "PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin")
    host = f"DOCKER_HOST={story.lab.env['docker_host']}"
    done = story.lab.isolated(*bare, host, tmp_path / "airgap/bin/airgap", *arguments)
    assert schema.read("unpack", done.stdout)["created"]
    assert HOSTS.read_text() == before["hosts"]


def address(lab: Lab) -> str:
    template = "{{.NetworkSettings.Networks.kind.IPAddress}}"
    return lab.docker("inspect", NODE, "--format", template).strip()


def test_the_recipe_by_hand(story: Story, before: dict[str, Any]) -> None:
    lab = story.lab
    said = lab.isolated(AIRGAP, "trust", "--print").stdout
    assert f"/etc/hosts: {address(lab)} kind-control-plane # airgap" in said
    assert f"docker login {NODE}:30443 --username airgap" in said
    assert story.secret("password") not in said
    assert HOSTS.read_text() == before["hosts"], "--print changes nothing"
    lab.isolated(AIRGAP, "trust", "--yes")
    assert "already" in lab.isolated(AIRGAP, "trust", "--yes").stdout

    jsonpath = r"jsonpath={.data.ca\.crt}"
    secret = ("-n", "registry", "get", "secret", "registry", "-o", jsonpath)
    assert story.kubectl(*secret).stdout.startswith("LS0tLS1CRUdJTi")
    name = f"{NODE}:30443/hello:1"
    assert HOSTS.read_text() == before["hosts"] + f"{address(lab)} {NODE} # airgap\n"
    lab.docker("pull", f"{NODE}:30443/busybox:1.36")
    lab.docker("tag", f"{NODE}:30443/busybox:1.36", name)
    lab.docker("push", name)
    story.run_pods({"hello": name}, (NODE,))
    lab.docker("rmi", name, f"{NODE}:30443/busybox:1.36")


def test_status_tells_how_it_is(story: Story) -> None:
    found = schema.read("status", story.lab.isolated(AIRGAP, "status", "--json").stdout)
    assert found["problems"] == []
    assert found["registry"] == "localhost:30443"
    assert found["nodes"] == [{"name": NODE, "running": True, "ready": True, "trusts": True}]
    assert len(found["images"]) == 4
    assert found["bundles"][0]["serial"] == 1
    text = story.lab.isolated(AIRGAP, "status").stdout
    assert "kind-control-plane: runs, ready, trusts the registry" in text


def test_a_node_that_lost_its_trust_is_told_and_mended(story: Story) -> None:
    story.lab.docker("exec", NODE, "rm", "-r", "/etc/containerd/certs.d/docker.io")
    done = story.lab.isolated(AIRGAP, "status", check=False)
    assert done.returncode == 7
    assert "error: kind-control-plane does not trust the registry" in done.stderr
    story.lab.isolated(AIRGAP, "up")
    assert story.lab.isolated(AIRGAP, "status", "-q").returncode == 0


def test_up_after_a_reboot(story: Story) -> None:
    story.registry("/v2/")
    story.lab.docker("stop", NODE, timeout=120)
    done = story.lab.isolated(AIRGAP, "status", check=False)
    assert done.returncode == 7
    assert "kind-control-plane does not run" in done.stderr
    story.lab.isolated(AIRGAP, "up")
    wait_for_registry(story)
    story.run_pods({"after": "nginx:1.22"}, (NODE,))
    assert story.lab.isolated(AIRGAP, "status", "-q").returncode == 0


def test_up_makes_a_node_trust_that_was_added_by_hand(story: Story) -> None:
    """As kind makes a node, and as kubeadm joins one."""
    lab, name = story.lab, WORKER
    image = lab.docker("inspect", NODE, "--format", "{{.Config.Image}}").strip()
    lab.docker(
        "run", "-d", "--privileged", "--name", name, "--hostname", name, "--network", "kind",
        "--label", "io.x-k8s.kind.cluster=kind", "--label", "io.x-k8s.kind.role=worker",
        "--tmpfs", "/tmp", "--tmpfs", "/run", "--volume", "/var", "--cgroupns", "private", image,
    )  # fmt: skip
    wait_for(lambda: lab.isolated("docker", "exec", name, "ctr", "version", check=False))
    join = lab.docker("exec", NODE, "kubeadm", "token", "create", "--print-join-command").split()
    lab.docker("exec", name, *join, "--skip-phases", "preflight")
    done = lab.isolated(AIRGAP, "status", check=False)
    assert done.returncode == 7
    assert name in done.stderr
    done = lab.isolated(AIRGAP, "up")
    assert re.search(rf"{name}: \d+ files written", done.stderr), done.stderr
    story.run_pods({"new": "nginx:1.22", "other": "quay.io/org/app:1.0"}, (name,))
    assert lab.isolated(AIRGAP, "status", "-q").returncode == 0


def wait_for(look: Callable[[], subprocess.CompletedProcess[str]], seconds: int = 60) -> None:
    for _ in range(seconds):
        if look().returncode == 0:
            return
        time.sleep(1)
    pytest.fail(look().stderr)


def test_status_answers_soon_whatever_hangs_and_names_it(story: Story) -> None:
    """Ten seconds of its own, and ten more to begin on a machine that does other work."""
    lab, inside = story.lab, ("docker", "exec", NODE)
    server = lab.docker("exec", NODE, "pgrep", "-x", "kube-apiserver").strip()
    daemon = Path(lab.env["state"], "dockerd-own.pid").read_text().strip()
    folder = "/var/lib/airgap/registry"
    full = (*inside, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder)
    for begin, end, named in (
        ((*inside, "kill", "-STOP", server), (*inside, "kill", "-CONT", server), "Kubernetes API"),
        (("kill", "-STOP", daemon), ("kill", "-CONT", daemon), "the docker daemon"),
        (full, (*inside, "umount", folder), f"disk is full: 1 MB are free on {NODE}"),
        (("docker", "pause", WORKER), ("docker", "unpause", WORKER), f"{WORKER} is paused"),
        (("docker", "pause", NODE), ("docker", "unpause", NODE), f"{NODE} is paused"),
    ):
        lab.isolated(*begin)
        try:
            done = lab.isolated("timeout", "20", AIRGAP, "status", check=False)
        finally:
            lab.isolated(*end)
        assert done.returncode in (6, 7), (begin, done.stderr)
        assert named in done.stderr
    nowhere = "DOCKER_HOST=unix:///nowhere.sock"
    done = lab.isolated("env", nowhere, AIRGAP, "status", check=False)
    assert done.returncode == 6
    assert "docker does not answer: No such file or directory" in done.stderr


def test_up_mends_nodes_that_are_paused_or_gone(story: Story) -> None:
    lab = story.lab
    lab.docker("pause", NODE, WORKER)
    lab.isolated(AIRGAP, "up")
    assert lab.isolated(AIRGAP, "status", "-q").returncode == 0
    lab.docker("rm", "-fv", WORKER)
    done = lab.isolated(AIRGAP, "status", check=False)
    assert done.returncode == 7
    assert f"{WORKER} is a node of the cluster, and its container is gone" in done.stderr
    lab.isolated(AIRGAP, "up", "--forget-lost")
    assert lab.isolated(AIRGAP, "status", "-q").returncode == 0


def test_teardown_leaves_the_host_as_it_was(story: Story, before: dict[str, Any]) -> None:
    story.lab.isolated(AIRGAP, "teardown", "--yes", "--kubeconfig", story.kubeconfig)
    assert footprint(story.lab) == before
    assert "kind-kind" not in story.kubeconfig.read_text()
    done = story.lab.isolated(AIRGAP, "status", check=False)
    assert done.returncode == 7
    assert "there is no kind cluster kind on this host" in done.stderr
