"""Reader: a bundle opened once, proved before use, and read in place.

Nothing is extracted and no header is interpreted: signature, SHA256SUMS and airgap.json are
read, all else is derived from them and compared.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from airgap.bundle import compare, tar
from airgap.bundle.format import SUMS, TABLE, blob_name, leading
from airgap.bundle.head import open_file, read_lead, read_leading
from airgap.bundle.indexes import derive
from airgap.bundle.medium import damaged
from airgap.bundle.members import Members
from airgap.bundle.signature.check import Checked, check_signatures, inner_signature
from airgap.bundle.table import Table
from airgap.errors import InputError, TrustError
from airgap.files.failures import guarded
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.manifest import MAX_MANIFEST
from airgap.progress import Progress, Silent
from airgap.signatures.minisign import Proof, PublicKey
from airgap.transfer.ports import Place
from airgap.transfer.stop import Stop
from airgap.transfer.workers import each

_MAX_MEMBER = 32 << 20


@dataclass(frozen=True, slots=True)
class Verified:
    """What `Bundle.verify` proved: the number of members, and their bytes together."""

    members: int
    size: int


class Bundle:
    """An open bundle; a context manager, and a Store. Thread-safe.

    Attributes:
        path: where it was opened.
        size: bytes of the bundle.
        digest: the digest of the bundle, that of its SHA256SUMS.
        table: what airgap.json says.
        checked: which signatures by trusted keys hold.
        signer: the id of the key that the signature inside names, not proved; empty if none.
    """

    def __init__(self, fd: int, path: Path, size: int) -> None:
        self._fd, self.path, self.size = fd, path, size
        self.checked, self.signer = Checked(), ""

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
            TrustError: no trusted signature, or one that is not valid.
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

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The signatures by trusted keys that hold."""
        return self.checked.proofs

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

    def members(self) -> tuple[tar.Member, ...]:
        """Return all members in order, with their places."""
        return self._members.all()

    def member(self, name: str) -> bytes:
        """Return a small member, proved.

        Raises:
            InputError: there is none, it is over 32 MiB, or its bytes are not what was written.
        """
        return self._members.read(name, _MAX_MEMBER)

    def digest_of(self, name: str) -> Digest:
        """Return what SHA256SUMS says of a member that it names; the content is not read."""
        return Digest("sha256", self._members.sum(name))

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
            # The largest first: begun last, it would keep one thread busy alone.
            by_size = sorted(proved, key=lambda member: -member.size)
            most = threads or os.cpu_count() or 1
            held = each(lambda m: self._members.holds(m, listener), by_size, Stop(), most=most)
        finally:
            listener.finish()
        for _, error in held.failed:
            raise error
        bad = sorted(member.name for member, holding in held.done if not holding)
        if bad:
            more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
            raise damaged(f"{self.path} is damaged: {', '.join(bad[:3])}{more} altered")
        return Verified(len(proved), sum(member.size for member in proved))

    def _load(self, keys: Sequence[PublicKey], require_signature: bool) -> None:
        lead = read_lead(self._fd, self.path, self.size)
        self.digest = Digest.of(lead.sums)
        self._check_signature(lead.sums, lead.signature, keys, require_signature)
        table, _ = read_leading(self._fd, self.path, self.size, TABLE, lead.end)
        sums = compare.parse_sums(lead.sums, self.path)
        if sums.get(TABLE) != hashlib.sha256(table).hexdigest():
            raise damaged(f"{self.path} is damaged: {TABLE} is not what {SUMS} says")
        self.table = Table.from_bytes(table)
        named = compare.place(self.table, sums, leading(len(lead.sums), len(table)), self.path)
        self._members = Members(self._fd, self.path, named, sums)
        self.size = self._members.check_size(self.size)
        self._members.check_framing()
        self._derived = derive(self.table, self._load_manifest)
        compare.check(self._derived, self.table, self._members)

    def _check_signature(
        self, sums: bytes, zone: bytes, keys: Sequence[PublicKey], required: bool
    ) -> None:
        if keys:
            self.checked = check_signatures(self.path, sums, zone, keys)
        elif required:
            raise TrustError(
                f"{self.path}: a signature is required, but no key is trusted",
                hint="give the signer's public key",
            )
        with suppress(TrustError) if keys else nullcontext():
            inner = inner_signature(zone)
            self.signer = inner.key_name if inner else ""

    def _load_manifest(self, descriptor: Descriptor) -> bytes:
        body = self.manifest_bytes(descriptor.digest)
        if len(body) != descriptor.size:
            raise InputError(f"{self.path}: {descriptor.digest} has another size than announced")
        return body

    def _blob(self, blob: Descriptor) -> tar.Member:
        member = self._members.find(blob_name(blob.digest))
        if member.size != blob.size:
            raise InputError(
                f"{self.path}: {blob.digest} has {member.size} bytes, not {blob.size} as announced"
            )
        return member
