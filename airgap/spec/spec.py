"""Spec: what a bundle is to hold."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.spec.defaults import NODE_IMAGE, REGISTRY_IMAGE
from airgap.spec.wanted import Placed, Wanted

NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
"""What a bundle or a cluster may be called."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a bundle is to hold.

    Attributes:
        images: in the order given; what is on this machine is not looked at yet.
        name: the bundle's name, for people.
        serial: grows from one release of a bundle to the next; None where there is none.
        platforms: what to carry of an image for several; empty means not said.
        all_platforms: carry every platform.
        node_image: the kind node image.
        registry_image: the registry that runs in the cluster.
        kind: the kind binary; None means the one that is installed.
        files: path in the bundle, below airgap/files/, to the file on this machine.
        hosts: further names of the registry's certificate.
        cluster_name: the kind cluster's name.
        workers: number of worker nodes.
        left_out: what the list of another tool holds and airgap does not take.
    """

    images: tuple[Wanted | Placed, ...]
    name: str = "bundle"
    serial: int | None = None
    platforms: tuple[Platform, ...] = ()
    all_platforms: bool = False
    node_image: Reference = field(default_factory=lambda: Reference.parse(NODE_IMAGE))
    registry_image: Reference = field(default_factory=lambda: Reference.parse(REGISTRY_IMAGE))
    kind: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    cluster_name: str = "kind"
    workers: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[Reference, ...]:
        """The names of the images on the other side, as far as they are said."""
        names = (one.reference if isinstance(one, Wanted) else one.name for one in self.images)
        return tuple(filter(None, names))
