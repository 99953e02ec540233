"""Request: what is to be packed, and how, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from airgap.oci.attached import MAX_ATTACHED_BYTES
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.carried.programs import NO_TOOLS, Tools
from airgap.pack.extras import ClusterOptions
from airgap.signatures.cosign import ImageKey
from airgap.spec.image_list import merged
from airgap.spec.lock import Lock
from airgap.spec.spec import Spec
from airgap.spec.wanted import Wanted
from airgap.transfer.ports import Store


@dataclass(frozen=True)
class Request:
    """What is to be packed, and how.

    Attributes:
        spec: what the bundle is to hold.
        listed: its images, also those that were found at places on this machine.
        output: where it is to be.
        cluster: what a bundle that brings up a cluster carries; None makes one for registries
            that exist.
        tools: where airgap itself is as one program.
        keep_going: write a bundle without the images that failed.
        reuse: content at hand that need not be fetched.
        created: seconds since 1970, from SOURCE_DATE_EPOCH; None leaves the date out.
        allow_foreign: pack images without layers that their registries do not have.
        lock: the digest that each tag is to have; None where tags are looked up.
        update: let the tags of the lock move.
        attached: carry signatures, attestations and SBOMs, too.
        max_attached: how many bytes of them an image may have.
        image_keys: one of them has signed each image; none where that is not asked.
    """

    spec: Spec
    listed: tuple[Wanted, ...]
    output: Path
    cluster: ClusterOptions | None = None
    tools: Tools = NO_TOOLS
    keep_going: bool = False
    reuse: Store | None = None
    created: int | None = None
    allow_foreign: bool = False
    lock: Lock | None = None
    update: bool = False
    attached: bool = True
    max_attached: int = MAX_ATTACHED_BYTES
    image_keys: tuple[ImageKey, ...] = ()

    @cached_property
    def platforms(self) -> tuple[Platform, ...]:
        """What to carry of an image where its line does not say; empty means all."""
        return () if self.spec.all_platforms else self.spec.platforms or (Platform.of_host(),)

    @cached_property
    def platform(self) -> Platform:
        """Of the programs that are carried, and of the host that they are for."""
        return self.platforms[0] if self.platforms else Platform.of_host()

    @cached_property
    def images(self) -> Mapping[Reference, Wanted]:
        """The images that were asked for, each with its platforms, in the order given.

        Raises:
            InputError: one name is to be given to two images.
        """
        return {wanted.reference: wanted for wanted in merged(self.listed, self.platforms)}

    @cached_property
    def wanted(self) -> Mapping[Reference, Wanted]:
        """All images: first those that the cluster itself needs.

        Raises:
            InputError: see `images`.
        """
        own = [Wanted(reference, self.platforms) for reference in self.vital]
        return {w.reference: w for w in merged([*own, *self.images.values()], self.platforms)}

    @cached_property
    def vital(self) -> tuple[Reference, ...]:
        """The images without which no cluster comes up."""
        return (self.spec.node_image, self.spec.registry_image) if self.cluster else ()

    @property
    def timestamp(self) -> str | None:
        """The date for the bundle, as RFC 3339 has it."""
        if self.created is None:
            return None
        return datetime.fromtimestamp(self.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
