"""Reader: a bundle opened once, proved before use, and read in place.

Nothing is extracted and no header is interpreted: signature, SHA256SUMS and airgap.json are
read, all else is derived from them and compared.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from airgap.bundle import signing, tar
from airgap.bundle.format import DOORS, EXTRAS, SUMS, TABLE, blob_name, check_names, leading
from airgap.bundle.head import open_file, read_lead, read_leading
from airgap.bundle.indexes import OCI_LAYOUT, Derived, derive
from airgap.bundle.medium import damaged, read_at
from airgap.bundle.members import Members
from airgap.bundle.table import Table
from airgap.errors import InputError, TrustError
from airgap.files.failures import guarded
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest, shown
from airgap.oci.image import Image
from airgap.oci.manifest import MAX_MANIFEST
from airgap.oci.reference import Reference
from airgap.progress import Progress, Silent
from airgap.signatures.minisign import Proof, PublicKey, verify
from airgap.transfer.ports import Place

_MAX_MEMBER = 32 << 20
_SUM = re.compile(r"([0-9a-f]{64})  ([ -~]+)\n")


@dataclass(frozen=True, slots=True)
class Verified:
    """What `Bundle.verify` proved: the number of members, and their bytes together."""

    members: int
    size: int


class Bundle:
    """An open bundle; a context manager, and a Store. Thread-safe.

    Attributes:
        path: where it was opened.
        size: bytes of the file.
        digest: the digest of the bundle, that of its SHA256SUMS.
        table: what airgap.json says.
        proofs: the signatures by trusted keys that hold.
        signer: the id of the key that the signature inside names, not proved; empty if none.
    """

    def __init__(self, fd: int, path: Path, size: int) -> None:
        self._fd, self.path, self.size = fd, path, size
        self.proofs: tuple[Proof, ...] = ()

    @classmethod
    def open(
        cls,
        path: Path,
        keys: Sequence[PublicKey] = (),
        *,
        require_signature: bool = False,
    ) -> Self:
        """Open a bundle, and prove all but the content of blobs and extra members.

        Args:
            path: the file.
            keys: where given, a signature by one of them must hold before anything is parsed.
            require_signature: refuse to open without keys, too.

        Raises:
            InputError: it is no bundle, of a later format, truncated or altered.
            TrustError: no trusted signature, or one that does not hold.
            ResourceError: the medium cannot be read.
        """
        fd, size = open_file(path)
        try:
            bundle = cls(fd, path, size)
            bundle._load(keys, require_signature)
        except BaseException:
            os.close(fd)
            raise
        return bundle

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    @property
    def node(self) -> Image | None:
        """The kind node image, where the bundle carries one."""
        return self._derived.images[0] if self.table.node else None

    @property
    def registry(self) -> Image | None:
        """The registry's image, where the bundle carries one."""
        position = 1 if self.table.node else 0
        return self._derived.images[position] if self.table.registry else None

    @property
    def images(self) -> tuple[Image, ...]:
        """The images that the bundle was made for."""
        return self._derived.images[len(self._derived.images) - len(self.table.images) :]

    @property
    def inexpressible(self) -> tuple[Reference, ...]:
        """References that ``docker load`` does not see."""
        return self._derived.inexpressible

    def members(self) -> tuple[tar.Member, ...]:
        """Return all members in order, with their places."""
        return self._members.all()

    def member(self, name: str) -> bytes:
        """Return a small member, proved.

        Raises:
            InputError: there is none, it is over 32 MiB, or its bytes are not what was written.
        """
        return self._members.read(name, _MAX_MEMBER)

    def copy_member(self, name: str, path: Path, mode: int) -> None:
        """Copy a member to a new file, proved.

        Raises:
            InputError: there is none, or its bytes are not what was written; no file is left.
            ResourceError: the file exists already, or cannot be written.
        """
        member = self._members.find(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with guarded(f"cannot write {path}"):
            fd = os.open(path, flags, mode)
        try:
            with os.fdopen(fd, "wb", buffering=0) as file:
                for chunk in self._members.stream(member):
                    with guarded(f"cannot write {path}"):
                        file.write(chunk)
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return a manifest's exact bytes, proved.

        Raises:
            InputError: it is missing or its bytes are not those of the digest.
        """
        return self._members.read(blob_name(digest), MAX_MANIFEST)

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob from ``start`` on; the memory of each chunk is reused after the next.

        Raises:
            InputError: the bundle does not carry it, or, before the last chunk of a whole blob
                is given out, its bytes are not those of the digest.
            ResourceError: the medium cannot be read.
        """
        member = self._blob(blob)
        return self._members.part(member, start) if start else self._members.stream(member)

    @contextmanager
    def place(self, blob: Descriptor) -> Iterator[Place]:
        """Give the place of a blob within the file; see `airgap.transfer.ports.Placed`."""
        yield Place(self._fd, self._blob(blob).at)

    def __contains__(self, digest: object) -> bool:
        """Tell whether the bundle carries the content of a digest."""
        return isinstance(digest, Digest) and blob_name(digest) in self._members

    def verify(self, progress: Progress | None = None, threads: int = 0) -> Verified:
        """Prove every byte of every member, several at a time.

        Raises:
            InputError: naming all members that are not what SHA256SUMS says.
            ResourceError: the medium cannot be read.
        """
        listener = progress or Silent()
        proved = self._members.proving()
        listener.start("verify", sum(member.size for member in proved))
        try:
            with ThreadPoolExecutor(threads or os.cpu_count() or 1, "verify") as pool:
                # The largest first: begun last, it would keep one thread busy alone.
                by_size = sorted(proved, key=lambda member: -member.size)
                holds = list(pool.map(lambda m: self._members.holds(m, listener), by_size))
        finally:
            listener.finish()
        bad = sorted(m.name for m, holding in zip(by_size, holds, strict=True) if not holding)
        if bad:
            more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
            raise damaged(f"{self.path} is damaged: {', '.join(bad[:3])}{more} altered")
        return Verified(len(proved), sum(member.size for member in proved))

    def _load(self, keys: Sequence[PublicKey], require_signature: bool) -> None:
        lead = read_lead(self._fd, self.path, self.size)
        self.digest = Digest.of(lead.sums)
        self._check_signature(lead.sums, lead.signature, keys, require_signature)
        table, _ = read_leading(self._fd, self.path, self.size, TABLE, lead.end)
        self._sums = self._parse_sums(lead.sums)
        if self._sums.get(TABLE) != hashlib.sha256(table).hexdigest():
            raise damaged(f"{self.path} is damaged: {TABLE} is not what {SUMS} says")
        self.table = Table.from_bytes(table)
        self._place(len(lead.sums), len(table))
        self._check_framing()
        self._derived = derive(self.table, self._load_manifest)
        self._check_derived(self._derived)

    def _check_signature(
        self, sums: bytes, zone: bytes, keys: Sequence[PublicKey], required: bool
    ) -> None:
        found = signing.signatures(self.path, zone, keys)
        inner = signing.inner_signature(zone)
        self.signer = inner.key_name if inner else ""
        if keys:
            self.proofs = tuple(verify(sums, found, keys))
        elif required:
            raise TrustError(
                f"{self.path}: a signature is required, but no key is trusted",
                hint="give the signer's public key",
            )

    def _parse_sums(self, data: bytes) -> dict[str, str]:
        sums: dict[str, str] = {}
        for line in data.decode("latin-1").splitlines(keepends=True):
            match = _SUM.fullmatch(line)
            if not match or match[2] in sums:
                raise damaged(f"{self.path} is damaged: {SUMS} has the line {shown(line)}")
            sums[match[2]] = match[1]
        return sums

    def _place(self, sums_size: int, table_size: int) -> None:
        """Lay the members out, and compare with the size of the file."""
        members = self.table.members
        if list(self._sums) != [TABLE, *(name for name, _ in members)]:
            raise damaged(f"{self.path}: {SUMS} and {TABLE} name different members")
        check_names(self._sums)
        if tuple(name for name, _ in members[:3]) != DOORS:
            raise InputError(f"{self.path}: its members are not in the order of a bundle")
        everything = leading(sums_size, table_size) + list(members)
        placed, size = tar.place(everything)
        named = {member.name: member for member in placed}
        if len(named) != len(everything):
            raise InputError(f"{self.path}: a member is there twice")
        if self.size < size:
            raise damaged(f"{self.path} is truncated: expected {size} bytes, have {self.size}")
        if self.size > size:
            raise damaged(f"{self.path} has {self.size - size} bytes after its end")
        self._members = Members(self._fd, self.path, named, self._sums)

    def _check_framing(self) -> None:
        for at, expected, name in tar.gaps(self.members()):
            if read_at(self._fd, len(expected), at, self.path) != expected:
                where = f"the header of {shown(name)}" if name else "the end of the archive"
                raise damaged(f"{self.path} is damaged: {where} is not what it must be")

    def _load_manifest(self, descriptor: Descriptor) -> bytes:
        body = self.manifest_bytes(descriptor.digest)
        if len(body) != descriptor.size:
            raise InputError(f"{self.path}: {descriptor.digest} has another size than announced")
        return body

    def _check_derived(self, derived: Derived) -> None:
        """Compare all that follows from the table with what is in the file."""
        doors = (OCI_LAYOUT, derived.index_json, derived.manifest_json)
        for name, expected in zip(DOORS, doors, strict=True):
            if self._members.find(name).size != len(expected) or self.member(name) != expected:
                raise InputError(f"{self.path}: {name} does not show the images of {TABLE}")
        blobs = [(blob_name(d.digest), d.size) for d in (*derived.manifests, *derived.blobs)]
        carried = list(self.table.members[3:])
        extras = [item for item in carried if item[0].startswith(EXTRAS)]
        if carried != extras + blobs:
            raise self._wrong_blobs(dict(carried), dict(extras + blobs))
        for name, _ in blobs:
            if not name.endswith(self._sums[name]):
                raise InputError(f"{self.path}: {SUMS} says of {name} that it is something else")

    def _wrong_blobs(self, carried: dict[str, int], needed: dict[str, int]) -> InputError:
        for name in needed.keys() - carried.keys():
            return InputError(f"{self.path}: {name} is missing, which an image needs")
        for name in carried.keys() - needed.keys():
            return InputError(f"{self.path}: {shown(name)} is there, but no image needs it")
        return InputError(f"{self.path}: its members are not in the order of a bundle")

    def _blob(self, blob: Descriptor) -> tar.Member:
        member = self._members.find(blob_name(blob.digest))
        if member.size != blob.size:
            raise InputError(
                f"{self.path}: {blob.digest} has {member.size} bytes, not {blob.size} as announced"
            )
        return member
