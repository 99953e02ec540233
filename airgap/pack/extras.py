"""payload: what a bundle carries besides images.

The rendered manifests of the registry and of the kind cluster, the certificates, the programs
that the other side lacks, the user's files, and a page for the person who finds the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airgap.certificates.make import issue, issue_from
from airgap.certificates.values import Authority, Tls
from airgap.cluster import kind
from airgap.cluster.doors.door import READ_PORT
from airgap.cluster.objects import registry_yaml
from airgap.cluster.parameters import Parameters
from airgap.oci.image import Image
from airgap.oci.platform import Platform
from airgap.pack.programs import check_program, file_name, find_airgap
from airgap.spec.spec import Spec

Member = tuple[str, bytes | Path]


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What a bundle that brings up a cluster carries.

    Attributes:
        kind: the kind binary.
        tls: ``bundle`` puts a certificate and its key into the file, ``host`` lets unpack make
            them.
        authority: an organisation's own CA that signs the certificate.
        tool: airgap itself as one program, for a host that does not have it.
        running: the airgap that runs; where no ``tool`` is given, it or the program beside it is
            carried, if it is one for the platform of the bundle.
    """

    kind: Path
    tls: str = "bundle"
    authority: Authority | None = None
    tool: Path | None = None
    running: Path | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """The members besides images, and the parameters that the manifests were rendered from."""

    members: Sequence[Member]
    parameters: dict[str, Any]
    secret: bool
    warnings: Sequence[str] = ()


def payload(
    spec: Spec,
    options: ClusterOptions | None,
    node: Image | None,
    registry: Image | None,
    platform: Platform,
) -> Payload:
    """Collect the members besides images.

    Raises:
        InputError: a program is none for ``platform``, a file does not exist, or a name
            in the spec is invalid.
    """
    files = [(f"airgap/files/{name}", path) for name, path in sorted(spec.files.items())]
    if options is None or node is None or registry is None:
        readme = _README.format(name=spec.name, run=_PUSH, secret="")
        return Payload([("airgap/README", readme.encode()), *files], {}, secret=False)
    check_program(options.kind, platform, "kind", "--kind")
    tool = find_airgap(options.tool, options.running, platform)
    parameters = _parameters(spec, node, registry)
    tls = _tls(options, parameters)
    secret = _HOLDS_KEY if tls else ""
    readme = _README.format(name=spec.name, run=_how_to_unpack(tool, platform), secret=secret)
    members: list[Member] = [
        ("airgap/README", readme.encode()),
        ("airgap/registry.yaml", registry_yaml.render_yaml(parameters)),
        ("airgap/kind.yaml", kind.render_yaml(parameters)),
    ]
    if tls:
        members += [
            ("airgap/ca.crt", tls.ca_pem),
            ("airgap/tls.crt", tls.cert_pem),
            ("airgap/tls.key", tls.key_pem),
        ]
    if tool:
        members.append(("airgap/bin/airgap", tool))
    members.append(("airgap/bin/kind", options.kind))
    return Payload(
        [*members, *files], parameters.to_json(), secret=bool(tls), warnings=_lacks(tool, platform)
    )


def _how_to_unpack(tool: Path | None, platform: Platform) -> str:
    if tool:
        return _UNPACK_CARRIED.format(platform=platform)
    return _UNPACK.format(platform=platform, file=file_name(platform))


def _lacks(tool: Path | None, platform: Platform) -> Sequence[str]:
    if tool:
        return ()
    name = file_name(platform)
    return (
        f"the bundle does not carry airgap for {platform}: the other side needs {name}, or airgap"
        f" installed with Python 3.11 or newer; --tool FILE carries {name} along",
    )


def _parameters(spec: Spec, node: Image, registry: Image) -> Parameters:
    return Parameters(
        cluster_name=spec.cluster_name,
        workers=spec.workers,
        hosts=tuple(spec.hosts),
        node_digest=str(node.root.digest),
        registry_digest=str(registry.root.digest),
        read_port=READ_PORT,
    )


def _tls(options: ClusterOptions, parameters: Parameters) -> Tls | None:
    if options.tls == "host":
        return None
    if options.authority:
        return issue_from(options.authority, parameters.names)
    return issue(parameters.names)


_UNPACK_CARRIED = """\
To bring up a kind cluster with a registry that serves every image here, on a {platform} host
with docker, and without any network:

    tar xf FILE SHA256SUMS airgap/bin/airgap
    grep '  airgap/bin/airgap$' SHA256SUMS | sha256sum -c && airgap/bin/airgap unpack FILE

That airgap is in this file, is proved by the second line before it runs, and needs neither Python
nor anything else to be installed.
"""
_UNPACK = """\
To bring up a kind cluster with a registry that serves every image here, on a {platform} host
with docker, and without any network:

    airgap unpack FILE

This file does not carry airgap itself: get the program {file} of a release, or have airgap
installed there with Python 3.11 or newer.
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
