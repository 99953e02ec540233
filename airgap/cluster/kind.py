"""kind: the configuration of the cluster, and the program that makes it.

Follows kind's configuration API kind.x-k8s.io/v1alpha4.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from airgap.cluster.command import run
from airgap.cluster.docker.provider import DOCKER, VARIABLE
from airgap.cluster.parameters import Parameters
from airgap.errors import ClusterError, InputError
from airgap.files import inputs
from airgap.oci.digest import shown
from airgap.spec import topology

_MAX_PATCH = 1 << 20
_CREATE_SECONDS = 1200
# Nodes read which registry serves a host from this folder, without a restart. containerd before
# 2.2 has no default for it; kind skips a patch whose version is not that of the node's file.
_CERTS_D = "/etc/containerd/certs.d"
_REGISTRY_PLUGINS = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.images"}
_CONTAINERD_PATCHES = [
    f'version = {version}\n[plugins."{plugin}".registry]\n  config_path = "{_CERTS_D}"\n'
    for version, plugin in _REGISTRY_PLUGINS.items()
]


def config(parameters: Parameters, prefix: str = "") -> dict[str, Any]:
    """Return the kind configuration of a bundle's cluster; ``prefix`` before its image's name."""
    mapping = {
        "containerPort": parameters.node_port,
        "hostPort": parameters.host_port,
        "listenAddress": "127.0.0.1",
        "protocol": "TCP",
    }
    image = prefix + parameters.node_image
    workers = [{"role": "worker", "image": image} for _ in range(parameters.workers)]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": parameters.cluster_name,
        "nodes": [
            {"role": "control-plane", "image": image, "extraPortMappings": [mapping]},
            *workers,
        ],
        "containerdConfigPatches": list(_CONTAINERD_PATCHES),
    }


def chosen(parameters: Parameters, patch: Path | None, prefix: str = "") -> dict[str, Any]:
    """Return what kind is to make, with a user's patch where there is one.

    Raises:
        InputError: the patch does not fit.
    """
    found = config(parameters, prefix)
    return patched(found, load_patch(patch)) if patch else found


def render_yaml(parameters: Parameters) -> bytes:
    """Return ``kind.yaml`` as it stands in the bundle, for people to read."""
    text = yaml.safe_dump(config(parameters), sort_keys=False, width=100)
    return ("# The cluster that airgap unpack makes from this bundle.\n" + text).encode()


def load_patch(path: Path) -> dict[str, Any]:
    """Load a kind configuration that is to be merged into the rendered one.

    Raises:
        InputError: it cannot be read, or is no mapping.
    """
    try:
        value = yaml.safe_load(inputs.read(path, _MAX_PATCH))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a kind configuration, a YAML mapping")
    return value


def patched(configuration: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a user's patch into a configuration: nodes by position, all else as `merge` does.

    Raises:
        InputError: it has another name, more nodes than the cluster, or several control planes.
    """
    base = dict(configuration)
    for key in ("kind", "apiVersion", "name"):
        if patch.get(key, base[key]) != base[key]:
            raise InputError(
                f"the kind patch says {key}: {shown(patch[key])}, and the cluster has"
                f" {shown(base[key])}",
                hint="leave it out of the patch; --cluster-name names the cluster",
            )
    nodes = patch.get("nodes") or []
    if not isinstance(nodes, list) or len(nodes) > len(base["nodes"]):
        raise InputError(
            f"the kind patch has more nodes than the cluster, which has {len(base['nodes'])}",
            hint="--workers says how many there are",
        )
    rest = {key: value for key, value in patch.items() if key != "nodes"}
    merged: dict[str, Any] = merge(base, rest)
    merged["nodes"] = [
        merge(node, nodes[n]) if n < len(nodes) else node for n, node in enumerate(base["nodes"])
    ]
    _check_roles(merged["nodes"], base["nodes"])
    return merged


def _check_roles(nodes: Sequence[Any], before: Sequence[Mapping[str, Any]]) -> None:
    """Check that a patch left every node what it was: one control plane, and workers."""
    for number, (node, was) in enumerate(zip(nodes, before, strict=True)):
        role = node.get("role") if isinstance(node, Mapping) else node
        if number and role == "control-plane":
            raise InputError(
                f"the kind patch makes nodes[{number}] a control plane: {topology.WHY}",
                hint=topology.INSTEAD,
            )
        if role != was["role"]:
            raise InputError(
                f"the kind patch makes nodes[{number}] {shown(role)}, and it is a {was['role']}",
                hint="nodes of a patch go by position, the control plane first",
            )


def merge(base: Any, patch: Any) -> Any:
    """Merge a patch: mappings by key, lists one after the other, all else replaced."""
    if isinstance(base, Mapping) and isinstance(patch, Mapping):
        both = {key: merge(base[key], patch[key]) for key in base.keys() & patch.keys()}
        return {**base, **patch, **both}
    if isinstance(base, list) and isinstance(patch, list):
        return [*base, *patch]
    return patch


class KindProgram:
    """The kind program; see `airgap.cluster.ports.Kind`.

    Args:
        binary: its file.
        env: the environment it runs in, which names docker or podman.
    """

    def __init__(self, binary: Path, env: Mapping[str, str]) -> None:
        self._binary, self._env = binary, env

    def version(self) -> str:
        """Return what ``kind version`` says, such as ``v0.32.0``."""
        words = run([str(self._binary), "version"], env=self._env, seconds=60).split()
        return words[1].decode("utf-8", "replace") if len(words) > 1 else "unknown"

    def create(self, name: str, configuration: Mapping[str, Any], folder: Path) -> None:
        """Make a cluster; a failure leaves its nodes, for the caller to look at and remove."""
        file = folder / "kind.yaml"
        file.write_text(yaml.safe_dump(dict(configuration), sort_keys=False))
        arguments = ["create", "cluster", "--name", name, "--config", str(file), "--retain"]
        arguments += ["--kubeconfig", str(folder / "kubeconfig")]
        try:
            run([str(self._binary), *arguments], env=self._env, seconds=_CREATE_SECONDS, tied=True)
        except ClusterError as error:
            raise ClusterError(
                error.message,
                hint="run again with --retain to keep the nodes, then look at"
                f" {self._env.get(VARIABLE) or DOCKER.name} logs {name}-control-plane",
            ) from error
