"""Site: a cluster of airgap's that exists, as it is found on this host.

Needs docker alone: the isolated host has no kind program of its own, since the bundle carried it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from airgap.cluster import mirrors as trust
from airgap.cluster.docker import Engine
from airgap.cluster.kube import Kube
from airgap.cluster.node import Node
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.errors import ClusterError, InputError
from airgap.oci.reference import Reference

BUNDLES = "airgap-bundles"
_ADMIN = "/etc/kubernetes/admin.conf"
_API_PORT = 6443


@dataclass(frozen=True, slots=True)
class Landed:
    """A bundle that was unpacked into the cluster."""

    digest: str
    name: str
    serial: int | None
    references: tuple[str, ...]
    parameters: Parameters

    @classmethod
    def parse(cls, key: str, text: str) -> "Landed":
        """Read an entry of the ConfigMap that unpack writes.

        Raises:
            InputError: it is not one.
        """
        try:
            value = json.loads(text)
            return cls(
                digest=key.replace("-", ":", 1),
                name=str(value["name"]),
                serial=value["serial"],
                references=tuple(map(str, value["references"])),
                parameters=Parameters.from_json(value["parameters"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"ConfigMap {BUNDLES}: the entry {key} cannot be read") from error


class Site:
    """A cluster on this host.

    Args:
        engine: the docker daemon.
        name: the cluster's.
        folder: a private folder for key files.

    Raises:
        ClusterError: there is no such cluster.
    """

    def __init__(self, engine: Engine, name: str, folder: Path) -> None:
        self.engine, self.name, self._folder = engine, name, folder
        self.nodes = engine.nodes(name)
        if not self.nodes:
            others = ", ".join(engine.clusters()) or "none"
            raise ClusterError(
                f"there is no kind cluster {name} on this host (there is: {others})",
                hint="name one with --cluster-name, or make one: airgap unpack BUNDLE.tar",
            )

    @property
    def control_plane(self) -> Node:
        """The node on which the registry runs."""
        return self.nodes[0]

    @property
    def stopped(self) -> list[Node]:
        """The nodes that do not run."""
        return [node for node in self.nodes if not node.running]

    def start(self) -> list[Node]:
        """Start the nodes that do not run, the control plane first; returns those."""
        started = self.stopped
        for node in started:
            self.engine.start(node)
        self.nodes = self.engine.nodes(self.name)
        return started

    def kube(self) -> Kube:
        """Return the cluster's API.

        Raises:
            ClusterError: the control plane does not run, or was never finished.
        """
        port = self.control_plane.ports.get(_API_PORT)
        admin = self.control_plane.read_file(_ADMIN)
        if admin is None or port is None:
            raise ClusterError(
                f"the cluster {self.name} was not finished",
                hint="airgap unpack BUNDLE.tar makes it again",
            )
        value = yaml.safe_load(admin)
        for cluster in value["clusters"]:
            cluster["cluster"]["server"] = f"https://127.0.0.1:{port}"
        return Kube(yaml.safe_dump(value), self._folder)


def landed(kube: Kube) -> list[Landed]:
    """Return the bundles that were unpacked, the newest serial last."""
    entries = kube.config_map(BUNDLES, NAMESPACE)
    found = [Landed.parse(key, text) for key, text in entries.items()]
    return sorted(found, key=lambda bundle: (bundle.serial or 0, bundle.digest))


def trusted_files(site: Site, bundles: list[Landed]) -> Mapping[str, bytes]:
    """Return what every node's containerd needs for all bundles that landed."""
    hosts = {Reference.parse(text).host for bundle in bundles for text in bundle.references}
    parameters = bundles[-1].parameters
    port = site.control_plane.ports.get(parameters.node_port, parameters.host_port)
    return trust.files(sorted(hosts), parameters, [node.name for node in site.nodes], port)


def forget_kubeconfig(path: Path, name: str) -> bool:
    """Take a cluster out of a kubeconfig file; tells whether it was in it."""
    try:
        value: Any = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError):
        return False
    if not isinstance(value, dict):
        return False
    context, found = f"kind-{name}", False
    for key in ("clusters", "contexts", "users"):
        entries = value.get(key) or []
        kept = [entry for entry in entries if entry.get("name") != context]
        found = found or len(kept) != len(entries)
        value[key] = kept
    if value.get("current-context") == context:
        value["current-context"] = ""
    if found:
        path.write_text(yaml.safe_dump(value, sort_keys=False))
    return found
