"""Manifests, indexes and descriptors, as values read from their exact bytes.

Follows the OCI image specification 1.1 (image-manifest, image-index, descriptor) and docker's
manifest version 2, schema 2. A body is judged by what it says itself, what its descriptor says
and what the registry said of it; where these differ it is refused (CVE-2021-41190). Media types
of configs and layers are carried, never interpreted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airgap.errors import InputError
from airgap.oci import strictjson
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
_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1"

MAX_MANIFEST = 4 << 20
"""Bytes of the largest manifest that registries take, and so that airgap reads."""
_MAX_SIZE = 1 << 50


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What is said of content elsewhere: its type, digest and size in bytes."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = field(default=None, compare=False)
    urls: tuple[str, ...] = field(default=(), compare=False)

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
            platform = value.get("platform")
            found = Platform.from_json(platform) if isinstance(platform, dict) else None
        except InputError as error:
            raise InputError(f"{what}: {error.message}") from error
        return cls(media_type, digest, size, found, _urls(value))


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform, or an artifact: a config and layers, all of them blobs."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config, then the layers from the lowest up."""
        return (self.config, *self.layers)

    @property
    def is_image(self) -> bool:
        """Whether the config is that of a container image, not of another artifact."""
        return self.config.media_type in CONFIG_TYPES


@dataclass(frozen=True, slots=True)
class Index:
    """A choice of manifests, one for each platform; attestations may stand among them."""

    media_type: str
    children: tuple[Descriptor, ...]


def describe(body: bytes, said: str, what: str) -> Descriptor:
    """Describe a manifest's body: its digest, its size, and the type it has.

    Args:
        body: the exact bytes.
        said: the media type that a Content-Type header claims; empty where there is none.
        what: names the manifest in errors.

    Raises:
        InputError: see `parse`.
    """
    parsed = parse(body, said, what)
    return Descriptor(parsed.media_type, Digest.of(body), len(body))


def parse(body: bytes, said: str, what: str) -> Manifest | Index:
    """Parse a manifest or index.

    Args:
        body: the exact bytes.
        said: the media type that a descriptor or header claims; empty where there is none.
        what: names the manifest in errors.

    Raises:
        InputError: not strict JSON, over 4 MiB, schema 1, of two types at once, of another type
            than ``said``, or a member is invalid.
    """
    if len(body) > MAX_MANIFEST:
        raise InputError(f"{what}: manifest larger than 4 MiB")
    value = strictjson.load_object(body, f"{what}: the manifest")
    if "manifests" in value and ("config" in value or "layers" in value):
        raise InputError(f"{what}: it is both a manifest and an index")
    media_type = _media_type(value, said, what)
    if media_type in INDEX_TYPES:
        return Index(media_type, _descriptors(value, "manifests", what))
    config = Descriptor.from_json(value.get("config"), what)
    return Manifest(media_type, config, _descriptors(value, "layers", what))


def _media_type(value: Mapping[str, Any], said: str, what: str) -> str:
    inner = value.get("mediaType", "")
    said = said.partition(";")[0].strip().lower()
    if said.startswith(_SCHEMA1) or value.get("schemaVersion") == 1:
        raise InputError(
            f"{what}: docker manifest schema 1 is not supported",
            hint="push the image again with a current docker, which writes schema 2",
        )
    if value.get("schemaVersion") != 2 or type(value.get("schemaVersion")) is not int:
        raise InputError(f"{what}: not an image manifest (schemaVersion is not 2)")
    if not isinstance(inner, str):
        raise InputError(f"{what}: the media type {shown(inner)} is no string")
    known = MANIFEST_TYPES + INDEX_TYPES
    if inner and said in known and inner != said:
        raise InputError(f"{what}: it says {shown(inner)}, but was announced as {shown(said)}")
    media_type = inner or (said if said in known else "") or _guess(value)
    if media_type not in known:
        raise InputError(f"{what}: {shown(media_type)} is not the type of a manifest or index")
    if (media_type in INDEX_TYPES) != ("manifests" in value):
        raise InputError(f"{what}: its members are not those of {shown(media_type)}")
    return media_type


def _guess(value: Mapping[str, Any]) -> str:
    """Tell the type of an OCI document, whose mediaType member is optional."""
    return OCI_INDEX if "manifests" in value else OCI_MANIFEST


def _descriptors(value: Mapping[str, Any], key: str, what: str) -> tuple[Descriptor, ...]:
    found = value.get(key)
    if not isinstance(found, list):
        raise InputError(f"{what}: {key} is no list")
    return tuple(Descriptor.from_json(item, f"{what}: {key}") for item in found)


def _urls(value: Mapping[str, Any]) -> tuple[str, ...]:
    found = value.get("urls") or []
    return tuple(str(url) for url in found) if isinstance(found, list) else ("?",)
