"""Plan: from images to a file whose every offset is known before one layer is fetched."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airgap.bundle import tar
from airgap.bundle.format import (
    DOORS,
    EXTRAS,
    MAX_TABLE,
    SIGNATURE,
    SUMS,
    TABLE,
    UNSIGNED,
    TooLarge,
    blob_name,
    check_count,
    check_names,
    leading,
)
from airgap.bundle.indexes import OCI_LAYOUT, Derived, derive
from airgap.bundle.table import TOOL, Entry, Table
from airgap.errors import InputError
from airgap.files import inputs
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference

_DOCKER_LIMIT = 1 << 20  # skopeo and podman read no larger manifest.json
_LEAST_ENTRY = 190  # bytes of an image in airgap.json, but for its reference
Content = bytes | Path


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle is to carry.

    Attributes:
        name: what the bundle is called.
        images: in the order in which they are to stand.
        bodies: the exact bytes of all manifests, and of any other content at hand.
        serial: counts the releases of a bundle of that name.
        created: RFC 3339 time; None leaves it out.
        platforms: what was asked for; empty means all.
        parameters: from which the manifests of the registry were rendered.
        node: the kind node image.
        registry: the registry's image.
        extras: further members below ``airgap/``, as bytes or as files to copy.
        failed: references that were left out because they failed.
        absent: foreign layers that are not carried.
        tool: what writes the bundle.
    """

    name: str
    images: Sequence[Image]
    bodies: Mapping[Digest, bytes]
    serial: int | None = None
    created: str | None = None
    platforms: Sequence[Platform] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    node: Image | None = None
    registry: Image | None = None
    extras: Sequence[tuple[str, Content]] = ()
    failed: Sequence[Reference] = ()
    absent: frozenset[Digest] = frozenset()
    tool: str = TOOL


@dataclass(frozen=True, slots=True)
class File:
    """A file that is copied into the bundle, as it was when the bundle was planned."""

    path: Path
    size: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class Plan:
    """A file that is known to the byte, but for the blobs that are still to be fetched.

    Attributes:
        table: what airgap.json says.
        members: every member and its place, in order.
        contents: the members whose content is at hand.
        blobs: all others, which are still to be fetched, in the order of the file.
        size: bytes of the whole file.
        inexpressible: references that ``docker load`` cannot express.
        warnings: what deserves attention, one sentence each.
    """

    table: Table
    members: tuple[tar.Member, ...]
    contents: Mapping[str, bytes | File]
    blobs: tuple[Descriptor, ...]
    size: int
    inexpressible: tuple[Reference, ...]
    warnings: tuple[str, ...]

    @property
    def digest(self) -> Digest:
        """The digest of the bundle: that of SHA256SUMS, which names all the rest."""
        sums = self.contents[SUMS]
        assert isinstance(sums, bytes)  # noqa: S101  (for the type)
        return Digest.of(sums)

    @property
    def places(self) -> dict[Digest, int]:
        """Where the content of each blob begins that is to be fetched."""
        at = {member.name: member.at for member in self.members}
        return {blob.digest: at[blob_name(blob.digest)] for blob in self.blobs}


def check_room(references: Sequence[Reference]) -> None:
    """Check, before anything is looked up, that so many images can have a place in airgap.json.

    Raises:
        TooLarge: they cannot, however small they are.
    """
    least = sum(len(str(reference)) + _LEAST_ENTRY for reference in references)
    if least > MAX_TABLE:
        raise TooLarge(
            f"{len(references)} images need {least} bytes of {TABLE} at the least, which may"
            f" have {MAX_TABLE}"
        )


def plan(contents: Contents) -> Plan:
    """Lay out a bundle.

    Raises:
        InputError: an image or a name cannot be in a bundle, or a file cannot be read.
        TooLarge: it is more than the tables of one bundle hold.
    """
    table = _table(contents)
    derived = derive(table, lambda descriptor: _proved(contents.bodies, descriptor))
    doors = (OCI_LAYOUT, b"".join(derived.index_json()), b"".join(derived.manifest_json()))
    given: dict[str, bytes | File] = dict(zip(DOORS, doors, strict=True))
    for name, content in contents.extras:
        if not name.startswith(EXTRAS) or name in given:
            raise InputError(f"member {name!a} cannot be added: it is no new name in {EXTRAS}")
        given[name] = content if isinstance(content, bytes) else _measured(content)
    sizes = {name: _size(content) for name, content in given.items()}
    sizes |= {blob_name(d.digest): d.size for d in _all(derived)}
    check_names(sizes)
    table = replace(table, members=tuple(sizes.items()))
    return _lay_out(table, derived, given, contents.bodies)


def _table(contents: Contents) -> Table:
    def entry(image: Image) -> Entry:
        return Entry.of(image, contents.absent)

    return Table(
        name=contents.name,
        images=tuple(entry(image) for image in contents.images),
        node=entry(contents.node) if contents.node else None,
        registry=entry(contents.registry) if contents.registry else None,
        serial=contents.serial,
        created=contents.created,
        platforms=tuple(contents.platforms),
        parameters=contents.parameters,
        failed=tuple(contents.failed),
        tool=contents.tool,
    )


def _lay_out(
    table: Table,
    derived: Derived,
    given: Mapping[str, bytes | File],
    bodies: Mapping[Digest, bytes],
) -> Plan:
    table_bytes = table.to_bytes()
    hashes = {name: _hash(content) for name, content in {TABLE: table_bytes, **given}.items()}
    hashes |= {blob_name(d.digest): d.digest.hex for d in _all(derived)}
    sums = write_sums(hashes)
    check_count(len(hashes))
    for name, written in ((TABLE, table_bytes), (SUMS, sums)):
        if len(written) > MAX_TABLE:
            raise TooLarge(f"{name} would have {len(written)} bytes, and may have {MAX_TABLE}")
    members = tar.place(leading(len(sums), len(table_bytes)) + list(table.members))
    at_hand = {d.digest: _proved(bodies, d) for d in _all(derived) if d.digest in bodies}
    contents = {SUMS: sums, SIGNATURE: UNSIGNED, TABLE: table_bytes, **given}
    contents |= {blob_name(digest): body for digest, body in at_hand.items()}
    return Plan(
        table=table,
        members=tuple(members),
        contents=contents,
        blobs=tuple(blob for blob in derived.blobs if blob.digest not in at_hand),
        size=tar.end(members),
        inexpressible=derived.inexpressible,
        warnings=_warnings(_size(given[DOORS[2]])),
    )


def write_sums(hashes: Mapping[str, str]) -> bytes:
    """Return SHA256SUMS as ``sha256sum -c`` reads it."""
    return "".join(f"{hexdigest}  {name}\n" for name, hexdigest in hashes.items()).encode("ascii")


def _proved(bodies: Mapping[Digest, bytes], descriptor: Descriptor) -> bytes:
    body = bodies.get(descriptor.digest)
    if body is None:
        raise InputError(f"the manifest {descriptor.digest} is missing")
    if len(body) != descriptor.size or Digest.of(body) != descriptor.digest:
        raise InputError(f"the bytes at hand are not those of {descriptor.digest}")
    return body


def _all(derived: Derived) -> tuple[Descriptor, ...]:
    return (*derived.manifests, *derived.blobs)


def _measured(path: Path) -> File:
    with inputs.opened(path) as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        return File(path, file.tell(), Digest("sha256", found))


def _size(content: bytes | File) -> int:
    return len(content) if isinstance(content, bytes) else content.size


def _hash(content: bytes | File) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return content.digest.hex


def _warnings(docker_size: int) -> tuple[str, ...]:
    if docker_size <= _DOCKER_LIMIT:
        return ()
    return (
        "manifest.json is over 1 MiB: skopeo and podman do not read the bundle as a "
        "docker-archive (docker load and oci-archive work)",
    )
