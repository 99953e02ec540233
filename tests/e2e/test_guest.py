"""A good guest: several runs at once make one cluster, and what others made stays as it is.

On a host where somebody has a kind cluster on a docker network of his own, a registry announced in
it, lines in /etc/hosts and a kubeconfig. ``AIRGAP_RACES`` sets the number of rounds.

The tests of this file are one story and run in order; each rests on those before it.
"""

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import AIRGAP, REPO, Lab, run
from tests.e2e.test_main_job import SPEC, Story

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ROUNDS = int(os.environ.get("AIRGAP_RACES", "2"))
OFFSET_SECONDS = 40
"""About as long as one run takes here."""
HOSTS, CERTS = Path("/etc/hosts"), Path("/etc/docker/certs.d")
NODE, THEIRS = "kind-control-plane", "theirs-control-plane"
BY_HAND = "203.0.113.7 registry.example kind-registry # by hand\n"
ANNOUNCED = """
apiVersion: v1
kind: ConfigMap
metadata: {name: local-registry-hosting, namespace: kube-public}
data: {localRegistryHosting.v1: 'host: "localhost:5001"'}
"""
ON_NODE = """
find /etc/containerd /etc/hosts /var/lib/airgap -type f -exec sha256sum {} + 2>/dev/null | sort
ctr -n k8s.io images ls -q 2>/dev/null | sort
"""


class Theirs:
    """What somebody made on this host before airgap came."""

    def __init__(self, story: Story) -> None:
        self.story, self.lab = story, story.lab
        self.hosts = HOSTS.read_bytes()
        HOSTS.write_bytes(self.hosts + BY_HAND.encode())
        self.lab.docker("network", "create", "--label", "whose=theirs", "kind")
        self._load_node_image()
        configuration = yaml.safe_load(Path(self.lab.env["kind_patch"]).read_text())
        mapped = {"containerPort": 30443, "hostPort": 30777, "listenAddress": "127.0.0.1"}
        configuration |= {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "nodes": [{"role": "control-plane", "extraPortMappings": [mapped]}],
        }
        self.lab.isolated(
            self.lab.env["kind"], "create", "cluster", "--name", "theirs", "--config", "-",
            "--image", "node-of-theirs:1", "--kubeconfig", story.kubeconfig, "--wait", "90s",
            input=yaml.safe_dump(configuration),
        )  # fmt: skip
        self.kubectl("apply", "-f", "-", input=ANNOUNCED)

    def _load_node_image(self) -> None:
        layouts = Path(self.lab.env["images"])
        archive = self.story.folder / "node.tar"
        source = f"oci:{layouts / 'node'}"
        run("skopeo", "copy", "-q", source, f"docker-archive:{archive}:node-of-theirs:1")
        self.lab.docker("load", "-i", archive)
        archive.unlink()

    def kubectl(self, *arguments: object, **options: Any) -> str:
        return self.story.kubectl("--context", "kind-theirs", *arguments, **options).stdout

    def leave(self) -> None:
        kind = self.lab.env["kind"]
        for name in self.lab.isolated(kind, "get", "clusters").stdout.split():
            self.lab.isolated(kind, "delete", "cluster", "--name", name)
        self.lab.docker("network", "rm", "kind")
        self.lab.docker("image", "rm", "-f", "node-of-theirs:1")
        HOSTS.write_bytes(self.hosts)

    def as_it_is(self) -> dict[str, Any]:
        """Return all of it: equal twice where nothing was touched meanwhile."""
        lab = self.lab
        (container,) = json.loads(lab.docker("inspect", THEIRS))
        del container["ExecIDs"]  # of our own looks, for some minutes
        container["Mounts"].sort(key=str)  # docker gives them in any order
        (network,) = json.loads(lab.docker("network", "inspect", "kind"))
        names = ("configmap/local-registry-hosting", "configmap/cluster-info")
        return {
            "container": container,
            "network": network,
            "clusters": lab.isolated(lab.env["kind"], "get", "clusters").stdout,
            "announced": self.kubectl("-n", "kube-public", "get", *names, "-o", "json"),
            "objects": self.kubectl("get", "namespaces,persistentvolumes", "-o", "name"),
            "node": lab.docker("exec", THEIRS, "sh", "-c", ON_NODE),
            "hosts": HOSTS.read_bytes(),
            "certs": sorted(map(str, CERTS.rglob("*"))) if CERTS.exists() else None,
            "kubeconfig": yaml.safe_load(self.story.kubeconfig.read_text()),
            "docker": sorted(lab.docker("image", "ls", "-q", "--no-trunc").split()),
            "volumes": lab.docker("volume", "ls", "-q"),
        }


@pytest.fixture(scope="module")
def story(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    lab.upstreams("start")
    found = Story(lab, tmp_path_factory.mktemp("guest"))
    found.spec.write_text(SPEC.replace("workers: 1", "workers: 0"))
    found.pack(found.spec, found.bundle)
    lab.upstreams("stop")
    for name in lab.docker("image", "ls", "-q", "airgap/node").split():
        lab.docker("rmi", "-f", name)
    lab.isolated("docker", "network", "rm", "kind", check=False)
    yield found
    lab.upstreams("start")


@pytest.fixture(scope="module")
def theirs(story: Story) -> Iterator[Theirs]:
    found = Theirs(story)
    yield found
    found.leave()


@dataclass(frozen=True)
class Ended:
    """How one of several runs ended."""

    waits: bool
    code: int
    said: str
    result: dict[str, Any]


def race(story: Story, number: int, chance: random.Random) -> list[Ended]:
    """Let so many runs of unpack begin within some seconds; some of them wait for their turn."""
    running = []
    for each in range(number):
        waits, offset = chance.random() < 0.5, chance.uniform(0, OFFSET_SECONDS)
        command = story.unpack_command(story.bundle, "--no-smoke-test", *["--wait"] * waits)
        words = ("sh", "-c", 'sleep "$0"; exec "$@"', f"{offset:.2f}", REPO / "scripts/lab", "exec")
        out, err = story.folder / f"{each}.json", story.folder / f"{each}.log"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [*map(str, words), *map(str, command)], stdout=stdout, stderr=stderr
            )
        running.append((waits, process, out, err))
    return [
        Ended(waits, process.wait(600), err.read_text(), json.loads(out.read_text()))
        for waits, process, out, err in running
    ]


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_of_several_at_once_one_makes_the_cluster(story: Story, theirs: Theirs, turn: int) -> None:
    lab, before = story.lab, theirs.as_it_is()
    ended = race(story, 5 if turn % 2 else 2, random.Random(turn))
    print([(each.waits, each.code) for each in ended])
    assert {each.code for each in ended} <= {0, 8}, [each.said for each in ended]
    assert [each.said for each in ended if each.waits and each.code] == []
    assert [each.result["created"] for each in ended if not each.code].count(True) == 1
    for each in ended:
        refused = "another airgap is at work on the cluster kind: pid " in each.said
        assert refused == (each.code == 8), each.said
    clusters = lab.isolated(lab.env["kind"], "get", "clusters").stdout.split()
    assert clusters == ["kind", "theirs"]
    story.run_pods({"usable": "nginx:1.22"}, (NODE,))
    assert lab.isolated(AIRGAP, "status", "-q").returncode == 0
    lab.isolated(AIRGAP, "trust", "--yes")
    lab.isolated(AIRGAP, "teardown", "--yes", "--kubeconfig", story.kubeconfig)
    assert theirs.as_it_is() == before


def test_images_land_in_a_cluster_of_theirs_and_go_again(story: Story, theirs: Theirs) -> None:
    lab, before, name = story.lab, theirs.as_it_is(), ("--cluster-name", "theirs")
    done = lab.isolated(*story.unpack_command(story.bundle, *name, "--no-smoke-test"))
    assert not json.loads(done.stdout)["created"]
    lab.isolated(AIRGAP, "trust", "--yes", *name)
    told = json.loads(lab.isolated(AIRGAP, "status", *name, "--json").stdout)
    assert told["problems"] == []
    assert theirs.as_it_is()["announced"] == before["announced"]
    done = lab.isolated(AIRGAP, "teardown", *name, "--yes", "--kubeconfig", story.kubeconfig)
    assert "left as it is: the cluster theirs: airgap did not make it" in done.stderr
    end = time.monotonic() + 90
    while "namespace/registry" in theirs.as_it_is()["objects"] and time.monotonic() < end:
        time.sleep(1)
    assert theirs.as_it_is() == before
