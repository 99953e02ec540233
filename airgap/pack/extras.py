"""payload: what a bundle carries besides images.

The rendered manifests of the registry and of the kind cluster, the certificates, the programs
that the other side lacks, the user's files, and a page for the person who finds the file.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airgap.certificates.make import issue, issue_from
from airgap.certificates.values import Authority, Tls
from airgap.cluster import kind
from airgap.cluster import objects as manifests
from airgap.cluster.parameters import Parameters
from airgap.errors import InputError
from airgap.oci.image import Image
from airgap.oci.platform import Platform
from airgap.spec.spec import Spec

Member = tuple[str, bytes | Path]

_ELF_MACHINES = {
    "386": 3,
    "arm": 40,
    "amd64": 62,
    "s390x": 22,
    "ppc64le": 21,
    "arm64": 183,
    "riscv64": 243,
}


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What a bundle that brings up a cluster carries.

    Attributes:
        kind: the kind binary.
        tls: ``bundle`` puts a certificate and its key into the file, ``host`` lets unpack make
            them.
        authority: an organisation's own CA that signs the certificate.
        tool: airgap itself as one file, for a host that does not have it.
    """

    kind: Path
    tls: str = "bundle"
    authority: Authority | None = None
    tool: Path | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """The members besides images, and the parameters that the manifests were rendered from."""

    members: Sequence[Member]
    parameters: dict[str, Any]
    secret: bool


def payload(
    spec: Spec,
    options: ClusterOptions | None,
    node: Image | None,
    registry: Image | None,
    platform: Platform,
) -> Payload:
    """Collect the members besides images.

    Raises:
        InputError: the kind binary is none for ``platform``, a file does not exist, or a name
            in the spec is invalid.
    """
    files = [(f"airgap/files/{name}", path) for name, path in sorted(spec.files.items())]
    if options is None or node is None or registry is None:
        readme = _README.format(name=spec.name, run=_PUSH, secret="")
        return Payload([("airgap/README", readme.encode()), *files], {}, secret=False)
    check_program(options.kind, platform)
    parameters = _parameters(spec, node, registry)
    tls = _tls(options, parameters)
    secret = _HOLDS_KEY if tls else ""
    readme = _README.format(name=spec.name, run=_UNPACK, secret=secret)
    members: list[Member] = [
        ("airgap/README", readme.encode()),
        ("airgap/registry.yaml", manifests.render_yaml(parameters)),
        ("airgap/kind.yaml", kind.render_yaml(parameters)),
    ]
    if tls:
        members += [
            ("airgap/ca.crt", tls.ca_pem),
            ("airgap/tls.crt", tls.cert_pem),
            ("airgap/tls.key", tls.key_pem),
        ]
    if options.tool:
        members.append(("airgap/bin/airgap", options.tool))
    members.append(("airgap/bin/kind", options.kind))
    return Payload([*members, *files], parameters.to_json(), secret=bool(tls))


def _parameters(spec: Spec, node: Image, registry: Image) -> Parameters:
    return Parameters(
        cluster_name=spec.cluster_name,
        workers=spec.workers,
        hosts=tuple(spec.hosts),
        node_digest=str(node.root.digest),
        registry_digest=str(registry.root.digest),
    )


def _tls(options: ClusterOptions, parameters: Parameters) -> Tls | None:
    if options.tls == "host":
        return None
    if options.authority:
        return issue_from(options.authority, parameters.names)
    return issue(parameters.names)


def check_program(path: Path, platform: Platform) -> None:
    """Check that ``path`` is a program for ``platform``, by its ELF header.

    Raises:
        InputError: it is missing, no ELF file, or for another machine.
    """
    try:
        with path.open("rb") as file:
            header = file.read(20)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", hint="name the kind binary with --kind FILE"
        ) from error
    order = "<" if header[5:6] == b"\x01" else ">"
    if len(header) < 20 or header[:4] != b"\x7fELF":
        raise InputError(
            f"{path} is not a Linux program (no ELF file)",
            hint="name the kind binary itself with --kind FILE, not a script that starts it",
        )
    (machine,) = struct.unpack(order + "H", header[18:20])
    wanted = _ELF_MACHINES.get(platform.architecture)
    if wanted is not None and machine != wanted:
        raise InputError(
            f"{path} is a program for another machine than {platform}",
            hint=f"get kind for {platform} and name it with --kind FILE",
        )


_UNPACK = """\
To bring up a kind cluster with a registry that serves every image here, on a host with docker
and Python, and without any network:

    airgap unpack FILE

If airgap is not installed there, and this file carries it (see airgap/bin):

    tar xf FILE airgap/bin
    airgap/bin/airgap unpack FILE
"""
_PUSH = """\
This bundle is for a registry that exists already:

    airgap push FILE REGISTRY[/PREFIX]
"""
_HOLDS_KEY = """
This file is secret: airgap/tls.key is the private key of the registry's certificate.
"""
_README = """\
This is the airgap bundle {name!r}: container images for a place without a network.
{secret}
{run}
What is inside, without airgap: the file is a plain tar, an OCI image layout and an archive that
docker load and podman load read.

    tar tf FILE                                   list it
    tar xf FILE && sha256sum -c SHA256SUMS        check it
    skopeo copy oci-archive:FILE:REFERENCE ...    take one image out
    docker load < FILE                            load the images that docker can express

airgap.json lists the images with their digests and platforms, and the layout of the file.
"""
