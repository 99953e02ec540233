"""Table: what airgap.json says, as a value.

It names the images and how they were chosen, and every member from the fourth on with its size.
All else (index.json, manifest.json, the order of the blobs, the framing) follows from it and
from the manifests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airgap import __version__
from airgap.bundle.format import FORMAT, MAX_ABSENT
from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest, shown
from airgap.oci.image import Image, walk
from airgap.oci.manifest import Index, Load, Parsed
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference

TOOL = f"airgap {__version__}"
ATTACHED = "attached"
"""The feature of a bundle that carries what is attached to its images."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An image in the table.

    Attributes:
        reference: its name.
        root: what the name points to.
        children: the carried manifests below the root, in the order in which they were chosen.
        platforms: what they run on.
        absent: foreign layers that are not carried.
        attached: whether it is attached to another image, and no image itself.
    """

    reference: Reference
    root: Descriptor
    children: tuple[Digest, ...] = ()
    platforms: tuple[Platform, ...] = ()
    absent: frozenset[Digest] = frozenset()
    attached: bool = False

    @classmethod
    def of(cls, image: Image, absent: frozenset[Digest]) -> "Entry":
        """Describe an image."""
        children = [d.digest for d in image.manifests if d.digest != image.root.digest]
        lacking = absent.intersection(blob.digest for blob in image.blobs)
        platforms = tuple(filter(_writable, image.platforms))
        return cls(image.reference, image.root, tuple(children), platforms, lacking, image.attached)

    def image(self, load: Load, parsed: Parsed | None = None) -> Image:
        """Follow the image down to its blobs.

        Args:
            load: returns the exact, proved bytes of a manifest.
            parsed: the manifests that other entries have read, to share.

        Raises:
            InputError: a manifest is invalid, or the table does not fit to the manifests.
        """
        order = {digest: position for position, digest in enumerate(self.children)}

        def choose(index: Index) -> Sequence[Descriptor]:
            # By what the table names, not by what the index has: very many entries may share it.
            at_hand = order if len(order) < len(index.by_digest) else index.by_digest
            chosen = [digest for digest in at_hand if digest in order]
            chosen.sort(key=order.__getitem__)
            return [child for digest in chosen for child in index.by_digest.get(digest, ())]

        image = walk(self.reference, self.root, load, choose, parsed)
        found = [d.digest for d in image.manifests if d.digest != self.root.digest]
        if len(found) != len(self.children) or order.keys() != set(found):
            raise InputError(f"{self.reference}: airgap.json lists children that it does not have")
        foreign = [manifest.foreign for manifest in image.images] if self.absent else []
        if not all(any(digest in those for those in foreign) for digest in self.absent):
            raise InputError(f"{self.reference}: airgap.json leaves out more than foreign layers")
        # Where an index names no platform only the config tells it, and pack has read that.
        told = set(image.platforms) <= set(self.platforms)
        platforms = self.platforms if told else image.platforms
        return replace(image, platforms=platforms, attached=self.attached)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it stands in airgap.json."""
        value: dict[str, Any] = {
            "reference": str(self.reference),
            "mediaType": self.root.media_type,
            "digest": str(self.root.digest),
            "size": self.root.size,
            "platforms": [str(platform) for platform in self.platforms],
        }
        if self.children:
            value["children"] = [str(digest) for digest in self.children]
        if self.absent:
            value["absent"] = [str(digest) for digest in sorted(self.absent)]
        if self.attached:
            value["attached"] = True
        return value

    @classmethod
    def from_json(cls, value: object) -> "Entry":
        """Read an entry.

        Raises:
            InputError: a member is missing or invalid.
        """
        found = _Object(value, "an image in airgap.json")
        text = found.text("reference")
        reference = _reference(text)
        root = Descriptor.from_json(value, f"airgap.json: {shown(text)}")
        if reference.digest and reference.digest != root.digest:
            raise InputError(f"airgap.json: {shown(text)} names another digest than {root.digest}")
        if len(found.items("absent")) > MAX_ABSENT:
            raise InputError(f"airgap.json: {shown(text)} lacks more than {MAX_ABSENT} layers")
        return cls(
            reference,
            root,
            tuple(Digest.parse(item) for item in found.texts("children")),
            tuple(Platform.parse(item) for item in found.texts("platforms")),
            frozenset(Digest.parse(item) for item in found.texts("absent")),
            found.value.get("attached") is True,
        )


@dataclass(frozen=True, slots=True)
class Table:
    """What airgap.json says.

    Attributes:
        name: what the bundle is called.
        images: the images that it was made for.
        node: the kind node image, where it carries one.
        registry: the registry's image, where it carries one.
        members: name and size of every member from the fourth on, in order.
        serial: counts the releases of a bundle of that name.
        created: RFC 3339 time, where SOURCE_DATE_EPOCH gave one.
        platforms: what was asked for; empty means all.
        parameters: from which the manifests of the registry were rendered.
        failed: references that were left out because they failed.
        tool: what wrote it.
    """

    name: str
    images: tuple[Entry, ...]
    node: Entry | None = None
    registry: Entry | None = None
    members: tuple[tuple[str, int], ...] = ()
    serial: int | None = None
    created: str | None = None
    platforms: tuple[Platform, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    failed: tuple[Reference, ...] = ()
    tool: str = TOOL

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries in the order of the file: node image, registry image, images."""
        return (*filter(None, (self.node, self.registry)), *self.images)

    def to_json(self) -> dict[str, Any]:
        """Return the table as the JSON object of airgap.json."""
        value: dict[str, Any] = {
            "format": FORMAT,
            "requires": [ATTACHED] if any(entry.attached for entry in self.images) else [],
            "name": self.name,
            "tool": self.tool,
            "platforms": [str(platform) for platform in self.platforms],
            "parameters": dict(self.parameters),
            "images": [entry.to_json() for entry in self.images],
            "members": [{"name": name, "size": size} for name, size in self.members],
        }
        optional = {
            "serial": self.serial,
            "created": self.created,
            "node": self.node.to_json() if self.node else None,
            "registry": self.registry.to_json() if self.registry else None,
            "failed": [str(reference) for reference in self.failed] or None,
        }
        return value | {key: item for key, item in optional.items() if item is not None}

    def to_bytes(self) -> bytes:
        """Return airgap.json."""
        return strictjson.dumps(self.to_json())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Table":
        """Read airgap.json.

        Raises:
            InputError: it is invalid, or of a format or with features of a later airgap.
        """
        value = strictjson.load_object(data, "airgap.json")
        found = _Object(value, "airgap.json")
        _check_format(found)
        parameters = value.get("parameters", {})
        if not isinstance(parameters, dict):
            raise InputError("airgap.json: parameters is no JSON object")
        return cls(
            name=found.text("name"),
            images=tuple(Entry.from_json(item) for item in found.items("images")),
            node=Entry.from_json(value["node"]) if "node" in value else None,
            registry=Entry.from_json(value["registry"]) if "registry" in value else None,
            members=tuple(_member(item) for item in found.items("members")),
            serial=found.number("serial") if "serial" in value else None,
            created=found.text("created") if "created" in value else None,
            platforms=tuple(Platform.parse(item) for item in found.texts("platforms")),
            parameters=parameters,
            failed=tuple(_reference(item) for item in found.texts("failed")),
            tool=found.text("tool"),
        )


def _check_format(found: "_Object") -> None:
    """Refuse what a later airgap wrote; unknown keys alone are ignored."""
    later = "use the airgap that the bundle was made with, or a later one"
    tool = shown(found.value.get("tool", "an unknown program"))
    if found.number("format") != FORMAT:
        raise InputError(
            f"the bundle has format {found.value['format']} (written by {tool}); "
            f"{TOOL} reads format {FORMAT}",
            hint=later,
        )
    if needed := [name for name in found.texts("requires") if name != ATTACHED]:
        raise InputError(
            f"the bundle needs {shown(', '.join(needed))} (written by {tool}); "
            f"{TOOL} does not have that",
            hint=later,
        )


class _Object:
    """A JSON object whose members are asked for by type."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise InputError(f"{what} is no JSON object")
        self.value: dict[str, Any] = value
        self.what = what

    def text(self, key: str) -> str:
        found = self.value.get(key)
        if isinstance(found, str) and found.isprintable():
            return found
        raise InputError(f"{self.what}: {key} is no printable text")

    def number(self, key: str) -> int:
        found = self.value.get(key)
        if type(found) is int and found >= 0:
            return found
        raise InputError(f"{self.what}: {key} is no whole number")

    def items(self, key: str) -> list[Any]:
        found = self.value.get(key, [])
        if isinstance(found, list):
            return found
        raise InputError(f"{self.what}: {key} is no list")

    def texts(self, key: str) -> list[str]:
        return [_text(item, f"{self.what}: {key}") for item in self.items(key)]


def _text(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    raise InputError(f"{what} is no list of texts")


def _member(value: object) -> tuple[str, int]:
    found = _Object(value, "a member in airgap.json")
    return found.text("name"), found.number("size")


def _reference(text: str) -> Reference:
    reference = Reference.parse(text)
    if str(reference) != text:
        raise InputError(f"airgap.json: the reference {shown(text)} is not complete")
    return reference


def _writable(platform: Platform) -> bool:
    """Tell whether a platform, which some index made up, can be written and read again."""
    try:
        return Platform.parse(str(platform)) == platform
    except InputError:
        return False
