"""Descriptor: what is said of content that is elsewhere.

Follows the OCI image specification 1.1, "Content Descriptors", and the media types of docker's
manifest version 2, schema 2.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airgap.errors import InputError
from airgap.oci.digest import Digest, shown
from airgap.oci.platform import Platform

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEX_TYPES = (OCI_INDEX, DOCKER_LIST)
CONFIG_TYPES = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
_MAX_SIZE = 1 << 50


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What is said of content elsewhere: its type, digest and size in bytes.

    Attributes:
        platform: what it runs on, where that is said; None where it is not.
        urls: where else the content may be found.
        artifact_type: what kind of artifact it is, empty where that is not said.
        attests: the sibling in an index that it is buildkit's attestation of; None for all else.
    """

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = field(default=None, compare=False)
    urls: tuple[str, ...] = field(default=(), compare=False)
    artifact_type: str = field(default="", compare=False)
    attests: Digest | None = field(default=None, compare=False)

    @property
    def is_index(self) -> bool:
        """Whether it describes an index (or docker's manifest list)."""
        return self.media_type in INDEX_TYPES

    @property
    def is_foreign(self) -> bool:
        """Whether the content need not be in the registry (non-distributable layers)."""
        return bool(self.urls) or "foreign" in self.media_type or "nondist" in self.media_type

    def to_json(self) -> dict[str, Any]:
        """Return the descriptor as a JSON object, without what is optional but the platform."""
        value: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.platform:
            value["platform"] = {"os": self.platform.os, "architecture": self.platform.architecture}
            if self.platform.variant:
                value["platform"]["variant"] = self.platform.variant
        return value

    @classmethod
    def from_json(cls, value: object, what: str) -> "Descriptor":
        """Read a descriptor object; ``what`` names where it stands, in errors.

        Raises:
            InputError: a member is missing or invalid.
        """
        if not isinstance(value, dict):
            raise InputError(f"{what}: a descriptor is no JSON object")
        media_type, size = value.get("mediaType"), value.get("size")
        if not isinstance(media_type, str) or not media_type or not media_type.isprintable():
            raise InputError(f"{what}: a descriptor has no media type")
        if type(size) is not int or not 0 <= size <= _MAX_SIZE:
            raise InputError(f"{what}: a descriptor has the invalid size {shown(size)}")
        try:
            digest = Digest.parse(value.get("digest"))
            platform = _platform(value.get("platform"))
        except InputError as error:
            raise InputError(f"{what}: {error.message}") from error
        # A few media types stand in very many descriptors: each is kept once.
        kind = sys.intern(media_type)
        rest = (_urls(value), text(value, "artifactType"), _attests(value.get("annotations")))
        return cls(kind, digest, size, platform, *rest)


def text(value: Mapping[str, Any], key: str) -> str:
    """Return an optional text of a foreign object; empty where it is none."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def unique(descriptors: Iterable[Descriptor]) -> Iterable[Descriptor]:
    """Yield each digest's descriptor once, at its first place."""
    seen: set[Digest] = set()
    for descriptor in descriptors:
        if descriptor.digest not in seen:
            seen.add(descriptor.digest)
            yield descriptor


def _platform(value: object) -> Platform | None:
    """Read a platform; an object that names neither system nor architecture tells nothing."""
    found = Platform.from_json(value) if isinstance(value, dict) else None
    return found if found and (found.os or found.architecture) else None


def _urls(value: Mapping[str, Any]) -> tuple[str, ...]:
    found = value.get("urls") or []
    return tuple(str(url) for url in found) if isinstance(found, list) else ("?",)


def _attests(annotations: object) -> Digest | None:
    """Read what buildkit says of an attestation; a digest that is none says nothing."""
    if not isinstance(annotations, dict):
        return None
    if annotations.get("vnd.docker.reference.type") != "attestation-manifest":
        return None
    try:
        return Digest.parse(annotations.get("vnd.docker.reference.digest"))
    except InputError:
        return None
