"""attached: signatures, attestations and SBOMs of an image, and the names by which they are found.

cosign's tags name them: ``sha256-HEX.sig`` beside the image. Referrers are manifests that name the
image as their subject; where a registry has no referrers API, an index of them has the tag
``sha256-HEX`` (OCI distribution specification 1.1, "Referrers Tag Schema").
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airgap.errors import InputError
from airgap.oci import strictjson
from airgap.oci.descriptor import OCI_INDEX, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.manifest import parse
from airgap.oci.reference import Reference

SUFFIXES = (".sig", ".att", ".sbom")
"""What cosign adds to an image's digest for a signature, an attestation, an SBOM."""
KINDS = {".sig": "cosign signature", ".att": "cosign attestation", ".sbom": "cosign SBOM"}
MAX_ATTACHED = 1000
"""How many may be attached to one image."""
MAX_ATTACHED_BYTES = 1 << 30
"""How many bytes of them an image may have where nothing else is said."""
MAX_DEPTH = 4
"""How often what is attached may have something attached itself."""

_TAG = re.compile(r"sha256-([0-9a-f]{64})(\.sig|\.att|\.sbom)?")


def tag_of(subject: Digest, suffix: str = "") -> str:
    """Return the tag under which something is attached; without a suffix that of referrers."""
    return f"{subject.algorithm[:32]}-{subject.hex[:64]}{suffix}"


def subject_of(reference: Reference) -> tuple[Digest, str] | None:
    """Return what a tag is attached to, and the suffix; None where it is no such tag."""
    match = _TAG.fullmatch(reference.tag)
    return (Digest("sha256", match[1]), match[2] or "") if match else None


def entry_of(body: bytes, found: Descriptor) -> dict[str, Any]:
    """Describe a referrer as the specification has it in a list of referrers.

    Raises:
        InputError: it is no manifest.
    """
    parsed = parse(body, found.media_type, str(found.digest))
    config = getattr(parsed, "config", None)
    entry = Descriptor(found.media_type, found.digest, found.size).to_json()
    kind = parsed.artifact_type or (config.media_type if config else "")
    annotations = strictjson.load_object(body, str(found.digest)).get("annotations")
    if kind:
        entry["artifactType"] = kind
    if annotations and isinstance(annotations, dict):
        entry["annotations"] = annotations
    return entry


def list_of(entries: Iterable[Mapping[str, Any]]) -> bytes:
    """Write the index of referrers, each once, in the order given."""
    unique = {str(entry["digest"]): dict(entry) for entry in entries}
    value = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(unique.values())}
    return strictjson.dumps(value)


def entries_in(body: bytes, what: str) -> list[dict[str, Any]]:
    """Read a list of referrers.

    Raises:
        InputError: it is no index.
    """
    value = strictjson.load_object(body, what)
    entries = value.get("manifests")
    if value.get("schemaVersion") != 2 or not isinstance(entries or [], list):
        raise InputError(f"{what}: it is no list of referrers")
    for entry in entries or []:
        Descriptor.from_json(entry, what)
    return list(entries or [])


def belonging(images: Sequence[Image]) -> dict[Reference, list[Image]]:
    """Return what is attached to each image, also to what is attached to it."""
    attached: dict[tuple[str, Digest], list[Image]] = {}
    for image in images:
        if image.attached and (found := subject_of(image.reference)):
            attached.setdefault((image.reference.name, found[0]), []).append(image)
    result: dict[Reference, list[Image]] = {}
    for image in images:
        if not image.attached:
            result[image.reference] = _below(image, attached)
    return result


def number(images: Iterable[Image]) -> int:
    """Count what is attached: each cosign tag, and each referrer of a list."""
    return sum(max(len(image.manifests) - 1, 0) if _is_list(image) else 1 for image in images)


def subjects(image: Image) -> Sequence[Descriptor]:
    """Return the manifests of an attached image that may have something attached themselves.

    A list of referrers is none: each registry writes its own.
    """
    return [d for d in image.manifests if d != image.root] if _is_list(image) else image.manifests


def kinds(image: Image) -> str:
    """Say what an attached image is: cosign's kind, or the types of the referrers."""
    found = subject_of(image.reference)
    if found and found[1]:
        return KINDS[found[1]]
    types = {m.artifact_type or m.config.media_type for m in image.images if m.subject}
    return ", ".join(sorted(types)) or "referrers"


def _is_list(image: Image) -> bool:
    found = subject_of(image.reference)
    return bool(found and not found[1])


def _below(image: Image, attached: Mapping[tuple[str, Digest], list[Image]]) -> list[Image]:
    found: dict[Reference, Image] = {}
    to_do = [image]
    while to_do:
        for manifest in to_do.pop().manifests:
            for one in attached.get((image.reference.name, manifest.digest), ()):
                if one.reference not in found:
                    found[one.reference] = one
                    to_do.append(one)
    return list(found.values())
