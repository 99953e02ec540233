"""unpack on a real kind cluster, against the same by hand: kind, docker load, tag and push.

Needs the lab (scripts/lab, root on Debian), where kind and docker run without any network.
"""

import contextlib
import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from airgap.bundle.archives import oci_archive
from airgap.bundle.reader import Bundle
from airgap.certificates.make import issue
from airgap.cluster import kind
from airgap.cluster.doors.login import Login
from airgap.cluster.objects import registry as manifests
from airgap.cluster.objects import registry_yaml
from airgap.cluster.objects.registry import STORAGE_PATH, UID
from airgap.cluster.parameters import NAMESPACE, Parameters
from bench import checks, data, peers, servers
from bench.cases import Lab, Readings, Result, against_fastest, interleaved
from bench.clock import Command, Reading

_ROOT = Path(__file__).resolve().parent.parent
_LAB = _ROOT / "scripts/lab"
_HOST = "bench.example.org"
_REGISTRY = "localhost:30443"
_NODE = "kind-control-plane"
_RIVAL = "by hand"
_FEW = 3
"""Runs of what takes minutes."""


def unpack(lab: Lab) -> list[Result]:
    """Unpack into a new kind cluster, against kind create, docker load, tag and push by hand."""
    readings = _unpack(lab, data.QUICK if lab.quick else data.STANDARD)
    return [against_fastest("unpack on kind", readings, [_RIVAL], 0.5, 0.7)]


def unpack_large(lab: Lab) -> list[Result]:
    """Unpack 4 GB into a new kind cluster, against the same by hand."""
    few = replace(lab, runs=min(lab.runs, _FEW))
    readings = _unpack(few, data.QUICK if lab.quick else data.LARGE)
    return [against_fastest("unpack of 4 GB on kind", readings, [_RIVAL], 0.35, 0.5)]


def _unpack(lab: Lab, shape: data.Shape) -> Readings:
    images = lab.images(shape)
    with _up() as environment, lab.folder() as work:
        bundle = _bundle(lab, images, environment, work)
        ours = [
            str(lab.airgap), "unpack", str(bundle), "--kubeconfig", str(work / "kubeconfig"),
            "--kind-patch", environment["kind_patch"], "--no-smoke-test", "-q",
        ]  # fmt: skip
        by_hand = _by_hand(lab, bundle, images, environment, work)
        commands = {"airgap": ours, _RIVAL: by_hand}
        _remove_cluster(environment)

        def once(name: str) -> Reading:
            lab.settle(work)
            where = {"AIRGAP_LAB_CACHE": environment["cache"]}
            command = Command([str(_LAB), "exec", *commands[name]], work, where)
            try:
                reading = command.run(lab.tool)
                _check(images, f"{_HOST}/" if name == "airgap" else "")
            finally:
                _remove_cluster(environment)
            return reading

        once("airgap")  # loads the node image into docker: it is there beforehand on both sides
        return interleaved(lab, list(commands), once)


def _by_hand(
    lab: Lab, bundle_path: Path, images: data.Images, environment: dict[str, Any], work: Path
) -> list[str]:
    """Write what a person would have at hand, and return the recipe as a script.

    The registry, its configuration and the images are the same as airgap's.
    """
    with Bundle.open(bundle_path) as bundle:
        parameters = Parameters.from_json(bundle.table.parameters)
        patch = kind.load_patch(Path(environment["kind_patch"]))
        configuration = kind.patched(kind.config(parameters), patch)
        (work / "kind.yaml").write_text(yaml.safe_dump(configuration))
        (work / "registry.yaml").write_bytes(registry_yaml.render_yaml(parameters))
        tls, login = issue(["localhost", _NODE]), Login.new()
        secret = manifests.secret(tls, login, secrets.token_hex(32))
        (work / "secret.yaml").write_text(yaml.safe_dump(secret))
        (work / "ca.crt").write_bytes(tls.ca_pem)
        if bundle.registry is None:
            raise checks.WrongError("the bundle carries no registry image")
        with (work / "registry.tar").open("wb") as file:
            for chunk in oci_archive(bundle, bundle.registry, parameters.registry_image):
                file.write(chunk)
    with servers.registry(lab.programs / "registry", images.root, work) as up:
        place = lab.place(up.address, images)
        subprocess.run(peers.PACK["crane"](place, work), cwd=work, check=True)
    (work / peers.BUNDLE).rename(work / "images.tar")
    kubectl = f"{environment['kubectl']} --kubeconfig kubeconfig"
    storage = f"mkdir -p {STORAGE_PATH} && chown {UID}:{UID} {STORAGE_PATH}"
    lines = [
        f"kind create cluster -q --config kind.yaml --image {parameters.node_image}"
        " --kubeconfig kubeconfig --wait 300s",
        "kind load image-archive -q registry.tar",
        f"docker exec {_NODE} sh -c '{storage}'",
        f"docker cp -q ca.crt {_NODE}:/usr/local/share/ca-certificates/registry.crt",
        f"docker exec {_NODE} update-ca-certificates >/dev/null",
        f"{kubectl} create namespace {NAMESPACE}",
        f"{kubectl} apply -f secret.yaml -f registry.yaml",
        f"{kubectl} -n {NAMESPACE} rollout status deployment/registry --timeout=180s",
        "docker load -q -i images.tar",
        f"echo {login.password} | docker login -u {login.user} --password-stdin {_REGISTRY} 2>&1",
        f"for name in {' '.join(images.digests)}; do",
        f"  docker tag {up.address}/$name:1 {_REGISTRY}/$name:1",
        f"  docker push -q {_REGISTRY}/$name:1",
        "done",
    ]
    return ["sh", "-ec", "\n".join(lines)]


@contextlib.contextmanager
def _up() -> Iterator[dict[str, Any]]:
    """Bring the lab up, and down again."""
    subprocess.run([str(_LAB), "up"], check=True)
    try:
        output = subprocess.run([str(_LAB), "env"], check=True, stdout=subprocess.PIPE).stdout
        yield json.loads(output)
    finally:
        subprocess.run([str(_LAB), "down"], check=True)


def _bundle(lab: Lab, images: data.Images, environment: dict[str, Any], work: Path) -> Path:
    """Pack the images, and the lab's node and registry images."""
    spec = {
        "name": "bench",
        "images": [f"{_HOST}/{name}:1" for name in images.digests],
        "node-image": environment["node_image"],
        "registry-image": environment["registry_image"],
    }
    (work / "bench.yaml").write_text(yaml.safe_dump(spec))
    bundle = work / "bench.tar"
    with servers.registry(lab.programs / "registry", images.root, work) as up:
        mirrors = (f"docker.io={environment['hub']}", f"{_HOST}={up.address}")
        options = [word for mirror in mirrors for word in ("--registry-mirror", mirror)]
        command = [str(lab.airgap), "pack", "bench.yaml", "-o", str(bundle), "-q", *options]
        Command([*command, "--kind", environment["kind"]], work, {}).run(lab.tool)
    return bundle


def _check(images: data.Images, prefix: str) -> None:
    """Check that the registry in the cluster has every tag.

    docker writes manifests of its own, so their digests say nothing.
    """
    urls = [f"https://{_REGISTRY}/v2/{prefix}{name}/manifests/1" for name in images.digests]
    accept = "Accept: application/vnd.oci.image.manifest.v1+json"
    docker = "Accept: application/vnd.docker.distribution.manifest.v2+json"
    words = [word for url in urls for word in ("-o", "/dev/null", url)]
    curl = ["curl", "-sSkI", "--fail", "--fail-early", "-H", accept, "-H", docker, *words]
    command = [str(_LAB), "exec", *curl]
    if subprocess.run(command, check=False).returncode:
        raise checks.WrongError("a tag is missing in the cluster's registry")


def _remove_cluster(environment: dict[str, Any]) -> None:
    command = [str(_LAB), "exec", environment["kind"], "delete", "cluster", "-q"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
