"""Bundles for unpack, and a run of it on a host in memory."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from airgap.bundle.reader import Bundle
from airgap.certificates.make import issue
from airgap.cluster import kind
from airgap.cluster.objects import registry as objects
from airgap.cluster.parameters import Parameters
from airgap.progress import Progress
from airgap.transfer.report import Report
from airgap.unpack.options import Options
from airgap.unpack.receipt import Receipt
from airgap.unpack.unpack import unpack
from tests.support.cluster import FakeHost, Told
from tests.unit.bundle.made import Content, write


def cluster_bundle(path: Path, *, tls: bool = False, workers: int = 0, **others: Any) -> Parameters:
    """Write a bundle that brings up a cluster; return its parameters."""
    content = Content()
    content.simple("nginx:1.27", 1, 3000)
    node, registry = content.simple("node:v1", 5, 400), content.simple("registry:3", 6, 400)
    content.images = content.images[:1]
    parameters = Parameters(
        str(node.root.digest), str(registry.root.digest), workers=workers, host_port=free_port()
    )
    extras = [
        ("airgap/registry.yaml", objects.render_yaml(parameters)),
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
    write(
        content,
        path,
        **wanted | {"extras": [*extras, ("airgap/bin/kind", b"#!/bin/sh\n")]} | others,
    )
    return parameters


def images_bundle(path: Path) -> None:
    """Write a bundle with images only."""
    content = Content()
    content.simple("nginx:1.27", 1, 3000)
    write(content, path)


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Run:
    """Runs unpack on a host in memory."""

    def __init__(self, folder: Path) -> None:
        self.host, self.told, self.folder = FakeHost(), Told(), folder
        self.path, self.kubeconfig = folder / "bundle.tar", folder / "home/.kube/config"
        self.landed: list[tuple[str, bytes]] = []
        self.fails: BaseException | None = None

    def __call__(self, **options: Any) -> Receipt:
        wanted = Options(kubeconfigs=[self.kubeconfig])
        with Bundle.open(self.path) as bundle:
            return unpack(bundle, replace(wanted, **options), self.told, self.host.tools, self.land)

    def land(self, bundle: Bundle, endpoint: str, ca_pem: bytes, progress: Progress) -> Report:
        self.landed.append((endpoint, ca_pem))
        if self.fails:
            raise self.fails
        return Report(uploaded=1, tags=["nginx:1.27"])
