"""What this host has to offer: parameters, the kind program, room, a kubeconfig."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airgap.bundle.format import CERTIFICATE
from airgap.bundle.reader import Bundle
from airgap.certificates.prove import validity
from airgap.cluster import kubeconfig
from airgap.cluster.checks import preflight, surroundings
from airgap.cluster.objects.registry_yaml import check_yaml
from airgap.cluster.parameters import Parameters
from airgap.cluster.ports import Engine
from airgap.errors import InputError, ResourceError
from airgap.oci.descriptor import unique
from airgap.progress import Progress
from airgap.unpack.options import Options

_KIND = "airgap/bin/kind"
_NO_DIGEST = "sha256:" + "0" * 64


def parameters_for(bundle: Bundle, options: Options) -> Parameters:
    """Return the cluster's parameters: the bundle's, with what the options say instead.

    Raises:
        InputError: the bundle's manifests are not what its parameters say.
    """
    return _chosen(_packed(bundle) or Parameters(_NO_DIGEST, _NO_DIGEST), options)


def usual(options: Options) -> Parameters:
    """Return the parameters of a cluster for no bundle in particular."""
    return _chosen(Parameters(_NO_DIGEST, _NO_DIGEST), options)


def _chosen(found: Parameters, options: Options) -> Parameters:
    return replace(
        found.with_doors,
        cluster_name=options.cluster_name or found.cluster_name,
        host_port=options.host_port or found.host_port,
        workers=found.workers if options.workers is None else options.workers,
    )


def kind_binary(bundle: Bundle, options: Options, folder: Path) -> Path:
    """Take the kind that was asked for, the bundle's, or the installed one.

    Raises:
        ResourceError: there is none.
    """
    if options.kind:
        return options.kind
    if carries_kind(bundle):
        path = folder / "kind"
        bundle.copy_member(_KIND, path, 0o700)
        return path
    return installed_kind(options)


def carries_kind(bundle: Bundle) -> bool:
    """Tell whether a bundle carries the kind program."""
    return any(member.name == _KIND for member in bundle.members())


def installed_kind(options: Options) -> Path:
    """Return the kind of this host.

    Raises:
        ResourceError: there is none.
    """
    found = shutil.which("kind", path=options.environment.get("PATH"))
    if not found:
        raise ResourceError(
            "kind is neither in the bundle nor on PATH", hint="name its file with --kind"
        )
    return Path(found)


def needs(bundle: Bundle, parameters: Parameters, *, new_cluster: bool) -> preflight.Needs:
    """Return what unpack is going to need; ``new_cluster`` where the cluster is to be made."""
    node = bundle.node
    blobs = (blob for image in bundle.images for blob in image.blobs)
    return preflight.Needs(
        parameters=parameters,
        architecture=node.platforms[0].architecture if node and node.platforms else "",
        node_bytes=node.size if node else 0,
        image_bytes=sum(blob.size for blob in unique(blobs)),
        new_cluster=new_cluster,
    )


def findings(
    needs: preflight.Needs, engine: Engine, info: dict[str, Any], bundle: Bundle, options: Options
) -> list[preflight.Finding]:
    """Find everything that would come into the way of a later step.

    Args:
        needs: what unpack is going to need.
        engine: docker or podman.
        info: what it says of itself.
        bundle: its certificate and its age are held against this host's clock.
        options: the environment's proxies, and where kubeconfigs are.
    """
    return [
        *preflight.check(info, needs, engine.provider),
        *surroundings.proxies(options.proxies),
        *surroundings.clock(
            datetime.now(UTC), _created(bundle), _valid(bundle) if needs.new_cluster else None
        ),
        *_access_file(kubeconfig.place(options.kubeconfigs)),
    ]


def check(found: Sequence[preflight.Finding], progress: Progress) -> None:
    """Tell what does not stop a later step, and end where something does.

    Raises:
        ResourceError: this host lacks something; all findings are named at once.
    """
    for finding in found:
        if not finding.fatal:
            progress.warn(f"{finding.problem}; {finding.remedy}")
    fatal = [finding for finding in found if finding.fatal]
    if fatal:
        raise ResourceError(
            "\n".join(finding.problem for finding in fatal),
            hint="; ".join(finding.remedy for finding in fatal),
        )


def _created(bundle: Bundle) -> datetime | None:
    created = bundle.table.created
    return datetime.fromisoformat(created) if created else None


def _valid(bundle: Bundle) -> tuple[datetime, datetime] | None:
    """Return from when until when a bundle's certificate counts, which a new cluster gets."""
    names = {member.name for member in bundle.members()}
    return validity(bundle.member(CERTIFICATE)) if CERTIFICATE in names else None


def _access_file(path: Path | None) -> Sequence[preflight.Finding]:
    if path is None:
        return [
            preflight.Finding(
                "there is no home folder in which a kubeconfig could be written",
                "name a file with --kubeconfig, or set HOME",
            )
        ]
    try:
        kubeconfig.check(path)
    except ResourceError as error:
        return [preflight.Finding(error.message, error.hint)]
    return []


def _packed(bundle: Bundle) -> Parameters | None:
    """Read the parameters, and prove that the bundle's manifests are what they say."""
    if bundle.node is None or bundle.registry is None:
        return None
    parameters = Parameters.from_json(bundle.table.parameters)
    check_yaml(bundle.member("airgap/registry.yaml"), parameters)
    for digest, image in (
        (parameters.node_digest, bundle.node), (parameters.registry_digest, bundle.registry),
    ):  # fmt: skip
        if digest != str(image.root.digest):
            raise InputError(
                f"{bundle.path}: its parameters name {digest}, and it carries {image.root.digest}",
                hint="do not use this bundle; ask who made it",
            )
    return parameters
