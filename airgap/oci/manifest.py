"""Manifests and indexes, as values read from their exact bytes.

Follows the OCI image specification 1.1 (image-manifest, image-index) and docker's manifest
version 2, schema 2. A body is judged by what it says itself, what its descriptor says and what
the registry said of it; where these differ it is refused (CVE-2021-41190). A member that is null
is absent, and an absent list is empty, as Go programs write and read them. Media types of configs
and layers are carried, never interpreted.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import (
    CONFIG_TYPES,
    INDEX_TYPES,
    MANIFEST_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    text,
)
from airgap.oci.digest import Digest, shown

_KNOWN = MANIFEST_TYPES + INDEX_TYPES
_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1"

MAX_MANIFEST = 4 << 20
"""Bytes of the largest manifest that registries take, and so that airgap reads."""
MAX_LISTED_AGAIN = 100
"""How often an index may list one digest, for as many platforms."""

Load = Callable[[Descriptor], bytes]
"""Returns the exact, proved bytes of a manifest; thread-safe."""


@dataclass(frozen=True)
class Manifest:
    """One image for one platform, or an artifact: a config and layers, all of them blobs.

    Attributes:
        subject: the manifest that this one is attached to, None where there is none.
        artifact_type: what kind of artifact it is, empty where that is not said.
    """

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config, then the layers from the lowest up."""
        return (self.config, *self.layers)

    @cached_property
    def foreign(self) -> frozenset[Digest]:
        """The blobs that need not be in a registry."""
        return frozenset(blob.digest for blob in self.blobs if blob.is_foreign)

    @property
    def is_image(self) -> bool:
        """Whether the config is that of a container image, not of another artifact."""
        return self.config.media_type in CONFIG_TYPES


@dataclass(frozen=True)
class Index:
    """A choice of manifests, one for each platform; attestations may stand among them.

    Attributes:
        subject: the manifest that this one is attached to, None where there is none.
        artifact_type: what kind of artifact it is, empty where that is not said.
    """

    media_type: str
    children: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""

    @cached_property
    def by_digest(self) -> Mapping[Digest, tuple[Descriptor, ...]]:
        """The children of each digest: one may be listed for several platforms."""
        found: dict[Digest, list[Descriptor]] = {}
        for child in self.children:
            found.setdefault(child.digest, []).append(child)
        return {digest: tuple(children) for digest, children in found.items()}


class Parsed:
    """Manifests that were read, each once whatever the number of images that name it.

    Thread-safe: two threads may read the same one at once, which only costs time.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Digest, int, str], Manifest | Index] = {}

    def of(self, descriptor: Descriptor, load: Load, what: str) -> Manifest | Index:
        """Return the manifest of a descriptor; ``what`` names it in errors.

        Raises:
            InputError: see `parse`; and what ``load`` raises.
        """
        said = descriptor.media_type
        key = (descriptor.digest, descriptor.size, said if said in _KNOWN else "")
        found = self._found.get(key)
        if found is None or said.startswith(_SCHEMA1):
            found = self._found[key] = parse(load(descriptor), said, what)
        return found


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
    loaded = strictjson.load_object(body, f"{what}: the manifest")
    value = {key: item for key, item in loaded.items() if item is not None}
    if "manifests" in value and ("config" in value or "layers" in value):
        raise InputError(f"{what}: it is both a manifest and an index")
    media_type = _media_type(value, said, what)
    rest = (_subject(value), text(value, "artifactType"))
    if media_type in INDEX_TYPES:
        children = _descriptors(value, "manifests", what)
        _check_repeated(children, what)
        return Index(media_type, children, *rest)
    config = Descriptor.from_json(value.get("config"), what)
    return Manifest(media_type, config, _descriptors(value, "layers", what), *rest)


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
    if inner and said in _KNOWN and inner != said:
        raise InputError(f"{what}: it says {shown(inner)}, but was announced as {shown(said)}")
    media_type = inner or (said if said in _KNOWN else "") or _guess(value)
    if media_type not in _KNOWN:
        raise InputError(f"{what}: {shown(media_type)} is not the type of a manifest or index")
    others = ("config", "layers") if media_type in INDEX_TYPES else ("manifests",)
    if any(key in value for key in others):
        raise InputError(f"{what}: its members are not those of {shown(media_type)}")
    return media_type


def _guess(value: Mapping[str, Any]) -> str:
    """Tell the type of an OCI document, whose mediaType member is optional."""
    return OCI_INDEX if "manifests" in value else OCI_MANIFEST


def _descriptors(value: Mapping[str, Any], key: str, what: str) -> tuple[Descriptor, ...]:
    found = value.get(key, [])
    if not isinstance(found, list):
        raise InputError(f"{what}: {key} is no list")
    return tuple(Descriptor.from_json(item, f"{what}: {key}") for item in found)


def _check_repeated(children: tuple[Descriptor, ...], what: str) -> None:
    """Bound how often a child is listed: each time costs whoever looks for it."""
    most = max(Counter(child.digest for child in children).values(), default=0)
    if most > MAX_LISTED_AGAIN:
        raise InputError(f"{what}: its index lists one manifest {most} times")


def _subject(value: Mapping[str, Any]) -> Descriptor | None:
    """Read what a manifest is attached to; one that is no descriptor is attached to nothing."""
    try:
        return Descriptor.from_json(value["subject"], "subject") if "subject" in value else None
    except InputError:
        return None
