"""Which names the nodes' containerd resolves to the registry, and whom it believes.

Follows containerd's registry configuration (docs/hosts.md): one folder for each host below
/etc/containerd/certs.d. The files are read at every pull, so nothing is restarted.

The files are read by containerd 1.6, 1.7 and 2: the first two refuse a file without a ``[host]``
table, and a table ends with the file, so it stands last. Only the capabilities that all of them
know are written, since an unknown one is an error there.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from airgap.cluster.docker.node import Node
from airgap.cluster.doors.door import DOORS
from airgap.cluster.doors.login import Login
from airgap.cluster.parameters import SERVICE_NAME, Parameters
from airgap.errors import ClusterError
from airgap.oci.reference import host_component

FOLDER = "/etc/containerd/certs.d"
CA_PATH = f"{FOLDER}/.airgap/ca.crt"
"""In a folder that no host is called after: a name never begins with a dot."""
_OLD_CA_PATH = f"{FOLDER}/airgap-ca.crt"
"""Where an earlier airgap wrote the CA: its files are known by that."""


def files(
    upstream_hosts: Iterable[str],
    parameters: Parameters,
    nodes: Sequence[str],
    host_port: int,
    login: Login | None = None,
) -> dict[str, bytes]:
    """Return the files that each node needs, path to content.

    Args:
        upstream_hosts: hosts whose images the bundle holds, such as ``docker.io``.
        parameters: the cluster's.
        nodes: names of all nodes.
        host_port: where this host reaches the registry; names with it are for people who write
            what works on the host into their manifests.
        login: what reading needs; None where it is open to all.

    Whatever name is pulled, also that of the writing door, leads to the reading one: so nodes need
    no password. Every node reaches the registry by the control plane's name: the registry runs
    there, and its certificate always covers it, also when nodes are added later.
    """
    server = f"https://{parameters.control_plane}:{parameters.read_port}"
    found = {
        f"{FOLDER}/{host}/hosts.toml": _mirror(f"{server}/v2/{host_component(host)}", login)
        for host in upstream_hosts
    }
    ports = sorted({parameters.node_port, parameters.read_port, host_port})
    names = (*nodes, "localhost", "127.0.0.1", "[::1]")
    own = [f"{name}:{port}" for name in names for port in ports]
    own += [SERVICE_NAME, *(f"{SERVICE_NAME}:{door.service_port}" for door in DOORS)]
    further = [f"[{name}]" if ":" in name else name for name in parameters.hosts]
    own += [f"{name}:{port}" for name in further for port in ports]
    found.update({f"{FOLDER}/{host}/hosts.toml": _own(server, login) for host in own})
    return found


def trust_node(node: Node, wanted: Mapping[str, bytes], ca_pem: bytes) -> int:
    """Write what differs on a node; returns the number of files written.

    Raises:
        ClusterError: a file that is needed is there and not airgap's, since it names another CA;
            nothing is written then.
    """
    lacking = missing(node, wanted, ca_pem)
    if not lacking:
        return 0
    held = node.digests(FOLDER)
    there = held.keys() & lacking.keys() - {CA_PATH}
    foreign = sorted(there - set(_ours(node))) if there else []
    if foreign:
        raise ClusterError(
            f"{node.name} has {', '.join(foreign)}, which airgap did not write",
            hint="its images would no longer come from there: move it away, then run this again",
        )
    if _OLD_CA_PATH in held:  # where a host's folder may have to be
        node.remove_files([_OLD_CA_PATH])
    has_password = any(_HEADER in content for content in lacking.values())
    node.write_files(lacking, 0o600 if has_password else 0o644)
    return len(lacking)


def missing(node: Node, wanted: Mapping[str, bytes], ca_pem: bytes) -> dict[str, bytes]:
    """Return those files that a node lacks or has with another content."""
    found = node.digests(FOLDER)
    return {
        path: content
        for path, content in {CA_PATH: ca_pem, **wanted}.items()
        if found.get(path) != hashlib.sha256(content).hexdigest()
    }


def undo(node: Node) -> int:
    """Remove from a node what believes our CA, and that; returns the number of files."""
    paths = _ours(node)
    held = node.digests(FOLDER)
    authority = [path for path in (CA_PATH, _OLD_CA_PATH) if path in held]
    node.remove_files([*paths, *authority])
    return len(paths) + len(authority)


def _ours(node: Node) -> list[str]:
    """Return the files that believe our CA, or the one of an earlier airgap."""
    found = [*node.files_with(FOLDER, CA_PATH), *node.files_with(FOLDER, f'"{_OLD_CA_PATH}"')]
    return list(dict.fromkeys(found))


def _mirror(server: str, login: Login | None) -> bytes:
    """Serve a host's images from below a path; ``server`` alone, so that nothing else is asked."""
    return f"server = {json.dumps(server)}\noverride_path = true\n".encode() + _common(login)


def _own(server: str, login: Login | None) -> bytes:
    return f"server = {json.dumps(server)}\n".encode() + _common(login)


def _common(login: Login | None) -> bytes:
    text = f'capabilities = ["pull", "resolve"]\nca = "{CA_PATH}"\n'.encode()
    if login:
        text += _HEADER + f"Authorization = {json.dumps(login.authorization())}\n".encode()
    return text + b"\n[host]\n"


_HEADER = b"\n[header]\n"
