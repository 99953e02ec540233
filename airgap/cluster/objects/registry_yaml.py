"""registry.yaml: the registry's objects as a file in the bundle, for people and for kubectl."""

from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest

import yaml

from airgap.cluster.objects import former
from airgap.cluster.objects.registry import STORAGE_PATH, UID, render
from airgap.cluster.parameters import Parameters
from airgap.errors import InputError
from airgap.oci.digest import shown

_FURTHER = 4096  # what a file may have more, such as another comment


def render_yaml(parameters: Parameters) -> bytes:
    """Return ``registry.yaml`` as it stands in the bundle, for people and for kubectl."""
    return _rendered(replace(parameters, host_port=1))  # nothing in it is this host's


@lru_cache(maxsize=4)
def _rendered(parameters: Parameters) -> bytes:
    text = yaml.safe_dump_all(render(parameters), sort_keys=False, width=100)
    return (
        _HEADER.format(path=STORAGE_PATH, uid=UID, node=parameters.control_plane) + text
    ).encode()


def check_yaml(data: bytes, parameters: Parameters) -> None:
    """Check that a bundle's ``registry.yaml`` is what airgap renders, comments aside.

    Nothing of it is parsed: it is foreign, and what is applied is rendered anew.

    Raises:
        InputError: it is not, naming the first line that differs.
    """
    one_door = parameters.read_port == 0
    expected = former.render_yaml(parameters) if one_door else render_yaml(parameters)
    theirs = _numbered(data[: len(expected) + _FURTHER])
    for (_, ours), (number, line) in zip_longest(
        _numbered(expected), theirs, fillvalue=(data.count(b"\n") + 1, b"")
    ):
        if ours != line:
            raise InputError(
                "airgap/registry.yaml in the bundle is not what airgap renders: line"
                f" {number} is {_line(line)} instead of {_line(ours)}",
                hint="do not use this bundle; ask who made it",
            )


def _numbered(data: bytes) -> list[tuple[int, bytes]]:
    """Return the lines that are no comments, with their numbers."""
    lines = enumerate(data.split(b"\n"), start=1)
    return [(number, line) for number, line in lines if line and not line.startswith(b"#")]


def _line(line: bytes) -> str:
    return shown(line.decode("utf-8", "replace").strip()) if line else "missing"


_HEADER = """\
# The registry that serves this bundle's images, as airgap unpack starts it. This file is for
# people to read; unpack applies what it renders itself, and refuses a bundle where the two differ.
#
# Without airgap: make {path} in the node {node}, owned by {uid}; import
# the registry image into that node under the name below; make the Secret from the certificate
#   kubectl create namespace registry
#   htpasswd -Bbn airgap PASSWORD > htpasswd
#   kubectl -n registry create secret generic registry --type kubernetes.io/tls \\
#     --from-file tls.crt --from-file tls.key --from-file ca.crt --from-literal http-secret=ANY \\
#     --from-file htpasswd
# and then: kubectl apply -f registry.yaml
"""
