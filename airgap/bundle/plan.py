"""Plan: from images to a file whose every offset is known before one layer is fetched."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airgap.bundle import tar
from airgap.bundle.indexes import OCI_LAYOUT, Derived, blob_name, derive
from airgap.bundle.table import MAX_TABLE, TOOL, Entry, Table
from airgap.errors import InputError
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.manifest import Descriptor
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference

SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.minisig"
TABLE = "airgap.json"
EXTRAS = "airgap/"
SIGNATURE_SIZE = 4096
UNSIGNED = b"\n" * SIGNATURE_SIZE
_DOCKER_LIMIT = 1 << 20  # skopeo and podman read no larger manifest.json

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
class Plan:
    """A file that is known to the byte, but for the blobs that are still to be fetched.

    Attributes:
        members: every member and its place, in order.
        contents: the members whose content is at hand.
        blobs: what is to be fetched, in the order of the file.
        sums: the content of SHA256SUMS.
        size: bytes of the whole file.
        inexpressible: references that ``docker load`` cannot express.
        warnings: what deserves attention, one sentence each.
    """

    table: Table
    members: tuple[tar.Member, ...]
    contents: Mapping[str, Content]
    blobs: tuple[Descriptor, ...]
    sums: bytes
    size: int
    inexpressible: tuple[Reference, ...]
    warnings: tuple[str, ...]

    @property
    def digest(self) -> Digest:
        """The digest of the bundle: that of SHA256SUMS, which names all the rest."""
        return Digest.of(self.sums)

    @property
    def places(self) -> dict[Digest, int]:
        """Where the content of each blob begins that is to be fetched."""
        at = {member.name: member.at for member in self.members}
        return {blob.digest: at[blob_name(blob.digest)] for blob in self.blobs}


def plan(contents: Contents) -> Plan:
    """Lay out a bundle.

    Raises:
        InputError: an image or a name cannot be in a bundle, or a file cannot be read.
    """
    table = _table(contents)
    derived = derive(table, _loader(contents.bodies))
    given: dict[str, Content] = {
        "oci-layout": OCI_LAYOUT,
        "index.json": derived.index_json,
        "manifest.json": derived.manifest_json,
    }
    for name, content in contents.extras:
        if not name.startswith(EXTRAS) or name in given:
            raise InputError(f"member {name!a} cannot be added: it is no new name in {EXTRAS}")
        given[name] = content
    measured = {name: _measure(content) for name, content in given.items()}
    measured |= _measured_blobs(derived)
    check_names(measured)
    table = _with_members(table, [(name, size) for name, (size, _) in measured.items()])
    return _lay_out(table, derived, given, measured, contents.bodies)


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


def _with_members(table: Table, members: Sequence[tuple[str, int]]) -> Table:
    return replace(table, members=tuple(members))


def _lay_out(
    table: Table,
    derived: Derived,
    given: Mapping[str, Content],
    measured: Mapping[str, tuple[int, str]],
    bodies: Mapping[Digest, bytes],
) -> Plan:
    table_bytes = table.to_bytes()
    hashes = {TABLE: hashlib.sha256(table_bytes).hexdigest()}
    hashes |= {name: hexdigest for name, (_, hexdigest) in measured.items()}
    sums = write_sums(hashes)
    for name, content in ((TABLE, table_bytes), (SUMS, sums)):
        if len(content) > MAX_TABLE:
            raise InputError(f"too many images for one bundle: {name} is over {MAX_TABLE} bytes")
    members, size = tar.place(leading(len(sums), len(table_bytes)) + list(table.members))
    at_hand = {d.digest: _proved(bodies, d) for d in _all(derived) if d.digest in bodies}
    content_of: dict[str, Content] = {SUMS: sums, SIGNATURE: UNSIGNED, TABLE: table_bytes}
    content_of.update(given)
    content_of.update({blob_name(digest): body for digest, body in at_hand.items()})
    return Plan(
        table=table,
        members=tuple(members),
        contents=content_of,
        blobs=tuple(blob for blob in derived.blobs if blob.digest not in at_hand),
        sums=sums,
        size=size,
        inexpressible=derived.inexpressible,
        warnings=_warnings(derived),
    )


def leading(sums_size: int, table_size: int) -> list[tuple[str, int]]:
    """Return names and sizes of the three members that stand first."""
    return [(SUMS, sums_size), (SIGNATURE, SIGNATURE_SIZE), (TABLE, table_size)]


def write_sums(hashes: Mapping[str, str]) -> bytes:
    """Return SHA256SUMS as ``sha256sum -c`` reads it."""
    return "".join(f"{hexdigest}  {name}\n" for name, hexdigest in hashes.items()).encode("ascii")


def check_names(names: Mapping[str, object]) -> None:
    """Check every name, and that no file has the name of another one's folder.

    Raises:
        InputError: a name is not allowed, or is a folder too.
    """
    for name in names:
        tar.check_name(name)
        if name.startswith(EXTRAS):
            parts = name.split("/")
            for end in range(2, len(parts)):
                if "/".join(parts[:end]) in names:
                    raise InputError(f"member {name!a} lies below another member")


def _loader(bodies: Mapping[Digest, bytes]) -> Callable[[Descriptor], bytes]:
    def load(descriptor: Descriptor) -> bytes:
        return _proved(bodies, descriptor)

    return load


def _proved(bodies: Mapping[Digest, bytes], descriptor: Descriptor) -> bytes:
    body = bodies.get(descriptor.digest)
    if body is None:
        raise InputError(f"the manifest {descriptor.digest} is missing")
    if len(body) != descriptor.size or Digest.of(body) != descriptor.digest:
        raise InputError(f"the bytes at hand are not those of {descriptor.digest}")
    return body


def _all(derived: Derived) -> tuple[Descriptor, ...]:
    return (*derived.manifests, *derived.blobs)


def _measured_blobs(derived: Derived) -> dict[str, tuple[int, str]]:
    return {blob_name(d.digest): (d.size, d.digest.hex) for d in _all(derived)}


def _measure(content: Content) -> tuple[int, str]:
    """Return size and sha256 of a member that is at hand."""
    if isinstance(content, bytes):
        return len(content), hashlib.sha256(content).hexdigest()
    try:
        with content.open("rb") as file:
            hexdigest = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), hexdigest
    except OSError as error:
        raise InputError(f"cannot read {content}: {error.strerror}") from error


def _warnings(derived: Derived) -> tuple[str, ...]:
    if len(derived.manifest_json) <= _DOCKER_LIMIT:
        return ()
    return (
        "manifest.json is over 1 MiB: skopeo and podman do not read the bundle as a "
        "docker-archive (docker load and oci-archive work)",
    )
