"""Bundles for unpack, and a run of it on a host in memory."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from airgap.bundle.reader import Bundle
from airgap.certificates.make import issue
from airgap.cluster import kind
from airgap.cluster.doors.door import READ_PORT
from airgap.cluster.doors.login import Entrance
from airgap.cluster.kube import ready
from airgap.cluster.objects import former, registry_yaml
from airgap.cluster.objects import landed as records
from airgap.cluster.parameters import Parameters
from airgap.cluster.ports import Object
from airgap.oci.reference import short_repositories
from airgap.progress import Progress
from airgap.signatures.minisign import PublicKey
from airgap.transfer.report import Report
from airgap.unpack.options import Options
from airgap.unpack.receipt import Receipt
from airgap.unpack.unpack import unpack
from tests.support.bundles import Content, write
from tests.support.cluster import FakeHost, Told
from tests.support.volume import Volume


def cluster_bundle(
    path: Path,
    *,
    tls: bool = False,
    workers: int = 0,
    read_port: int = READ_PORT,
    content: Content | None = None,
    carries_kind: bool = True,
    node_image: tuple[str, int] = ("node:v1", 5),
    **others: Any,
) -> Parameters:
    """Write a bundle that brings up a cluster; return its parameters.

    ``node_image`` is the name of the node image, and the seed that it is made from.
    """
    if content is None:
        content = Content()
        content.simple("nginx:1.27", 1, 3000)
    images = list(content.images)
    node, registry = content.simple(*node_image, 400), content.simple("registry:3", 6, 400)
    content.images = images
    parameters = Parameters(
        str(node.root.digest), str(registry.root.digest), workers=workers, host_port=free_port(),
        read_port=read_port,
    )  # fmt: skip
    render = registry_yaml.render_yaml if read_port else former.render_yaml
    extras = [
        ("airgap/registry.yaml", render(parameters)),
        ("airgap/kind.yaml", kind.render_yaml(parameters)),
    ]
    if tls:
        made = issue(parameters.names)
        extras += [
            ("airgap/ca.crt", made.ca_pem),
            ("airgap/tls.crt", made.cert_pem),
            ("airgap/tls.key", made.key_pem),
        ]
    wanted = {"parameters": parameters.to_json(), "node": node, "registry": registry}
    if carries_kind:
        extras.append(("airgap/bin/kind", b"#!/bin/sh\n"))
    write(content, path, **wanted | {"extras": extras} | others)
    return parameters


def images_bundle(path: Path, **others: Any) -> None:
    """Write a bundle with images only."""
    content = Content()
    content.simple("nginx:1.27", 1, 3000)
    write(content, path, **others)


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def as_before(run: "Run", name: str = "kind") -> dict[str, bytes]:
    """Make a cluster be as a release before left it, with one open door; return its Secret.

    Its Deployment, its Secret without a password, its record without a reading port.
    """
    kube = run.host.kube_of(name)
    for kind_, change in (("Deployment", _one_door), ("Secret", _no_password)):
        found = kube.get(kind_, "registry", "registry")
        assert found
        change(found)
    for record in kube.list("ConfigMap", "registry", records.SELECTOR):
        value = json.loads(record["data"]["bundle.json"])
        del value["parameters"]["read_port"], value["node_ids"], value["registry_ids"]
        record["data"]["bundle.json"] = json.dumps(value)
    return ready.secret(kube, "registry", "registry")


def _one_door(deployment: Object) -> None:
    image = "docker.io/airgap/registry:sha256-abababababab"
    spec = deployment["spec"]["template"]["spec"]
    spec["containers"] = [{"name": "registry", "image": image}]


def _no_password(secret: Object) -> None:
    del secret["data"]["password"], secret["data"]["htpasswd"]


class Run:
    """Runs unpack on a host in memory."""

    def __init__(self, folder: Path) -> None:
        self.host, self.told, self.folder = FakeHost(), Told(), folder
        self.path, self.kubeconfig = folder / "bundle.tar", folder / "home/.kube/config"
        self.landed: list[Entrance] = []
        self.volume = Volume(folder / "volume")
        self.fails: BaseException | None = None

    @classmethod
    def with_worker(cls, folder: Path) -> Self:
        """Return a host on which a cluster with a worker was unpacked."""
        found = cls(folder)
        cluster_bundle(found.path, workers=1)
        found()
        return found

    def __call__(self, *keys: PublicKey, **options: Any) -> Receipt:
        wanted = Options(kubeconfigs=[self.kubeconfig])
        with Bundle.open(self.path, keys) as bundle:
            return unpack(bundle, replace(wanted, **options), self.told, self.host.tools, self.land)

    def land(self, bundle: Bundle, entrance: Entrance, progress: Progress) -> Report:
        self.landed.append(entrance)
        if self.fails:
            raise self.fails
        for nodes in self.host.engine.found.values():
            nodes[0].machine.volume = self.volume.root
        short = short_repositories(image.reference for image in bundle.images)
        for image in bundle.images:
            self.volume.take(bundle, image, short.get(image.reference.name, ""))
        return Report(uploaded=1, tags=["nginx:1.27"])
