"""payload: what a bundle carries besides images.

The rendered manifests of the registry and of the kind cluster, the certificates, the programs
that the other side lacks, and the user's files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airgap.oci.image import Image
from airgap.oci.platform import Platform
from airgap.pack.carried.programs import Tools, check_program, find_airgap
from airgap.spec.spec import Spec

if TYPE_CHECKING:
    from airgap.certificates.values import Authority

Member = tuple[str, bytes | Path]


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What a bundle that brings up a cluster carries.

    Attributes:
        kind: the kind binary.
        tls: ``bundle`` puts a certificate and its key into the file, ``host`` lets unpack make
            them.
        authority: an organisation's own CA that signs the certificate.
    """

    kind: Path
    tls: str = "bundle"
    authority: "Authority | None" = None


@dataclass(frozen=True, slots=True)
class Payload:
    """The members besides images and pages.

    Attributes:
        members: their names and contents, in order.
        parameters: from which the manifests were rendered.
        secret: whether a private key is among them.
        tool: the airgap that is carried; None where none is.
    """

    members: Sequence[Member]
    parameters: dict[str, Any]
    secret: bool
    tool: Path | None = None


def payload(
    spec: Spec,
    options: ClusterOptions | None,
    node: Image | None,
    registry: Image | None,
    tool: Path | None,
) -> Payload:
    """Collect the members besides images; of the programs see `check_programs`.

    Raises:
        InputError: a file does not exist, or a name in the spec is invalid.
    """
    files = [(f"airgap/files/{name}", path) for name, path in sorted(spec.files.items())]
    if options is None or node is None or registry is None:
        return Payload([*_program(tool), *files], {}, secret=False, tool=tool)
    # A bundle of images alone starts without the modules of the cluster's side.
    from airgap.pack.carried import cluster

    made = cluster.make(spec, options.tls, options.authority, node, registry)
    members = [*made.members, *_program(tool), ("airgap/bin/kind", options.kind), *files]
    return Payload(members, made.parameters.to_json(), secret=made.secret, tool=tool)


def check_programs(options: ClusterOptions | None, tools: Tools, platform: Platform) -> Path | None:
    """Check the programs that are to be carried; return the airgap among them.

    Raises:
        InputError: one is missing, no program, or, for a cluster, none for ``platform``.
    """
    if options is None:
        return find_airgap(tools.given, None, None)
    check_program(options.kind, platform, "kind", "--kind")
    return find_airgap(tools.given, tools.running, platform)


def _program(tool: Path | None) -> list[Member]:
    return [("airgap/bin/airgap", tool)] if tool else []
