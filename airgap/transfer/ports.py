"""The two ends of a transfer, as protocols.

Content comes from a Source (elsewhere) or a Store (at hand), and goes to a Target.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference

Sink = Callable[[memoryview], None]
"""Takes the next bytes of a blob. The memory is reused after the call."""

Chunks = Callable[[], Iterator[memoryview]]
"""Begins to read a blob from its first byte; each chunk's memory is reused after the next."""


class Source(Protocol):
    """Where images come from: a registry, a daemon. Thread-safe.

    Every method raises InputError where the thing does not exist or is invalid, NetworkError
    where the source failed in spite of retries, and Stopped where the run ends.
    """

    def resolve(self, reference: Reference) -> tuple[Descriptor, bytes]:
        """Look a reference up: what it points to, and those exact bytes, proved."""

    def manifest(self, reference: Reference, descriptor: Descriptor) -> bytes:
        """Return a manifest of the reference's repository by digest, proved."""

    def has_blob(self, reference: Reference, blob: Descriptor) -> bool:
        """Tell whether the reference's repository has a blob."""

    def remaining_pulls(self, reference: Reference) -> tuple[int, int] | None:
        """Return how many images may still be pulled, and in how many seconds; None: no limit."""

    def fetch(self, reference: Reference, blob: Descriptor, sink: Sink, offset: int = 0) -> None:
        """Hand a blob's bytes from ``offset`` to its end to ``sink``, in order, each once.

        Broken transfers are taken up where they broke. The number of bytes is checked, the
        digest is not: that is for who has all the bytes.
        """


@runtime_checkable
class Attaching(Protocol):
    """The optional port of a Source that knows what is attached to its images."""

    def find(self, reference: Reference, identifier: str) -> tuple[Descriptor, bytes] | None:
        """Return a manifest of the reference's repository by tag or digest; None: not there."""

    def referrers(self, reference: Reference, subject: Digest) -> Sequence[dict[str, Any]] | None:
        """Return the descriptors of what is attached to a manifest of the reference's repository.

        None where the source keeps no such list: then a tag may name one.
        """


class Part(Protocol):
    """Some bytes of a blob on their way."""

    @property
    def at(self) -> int:
        """The next byte that is wanted."""

    @property
    def end(self) -> int:
        """The byte after the last one that is wanted; it may come nearer meanwhile."""

    def answered(self, *, parts: bool) -> None:
        """Hear, before the first byte of an answer, whether it is the part that was asked for.

        Where it is not, the bytes come from the first one of the blob on; who does not want
        them raises what ends the fetch.
        """

    def take(self, chunk: memoryview) -> None:
        """Take the bytes from ``at`` on; those behind ``end`` are of no use."""


@runtime_checkable
class Parted(Protocol):
    """The optional port of a Source that can give several parts of one blob at a time."""

    def connections(self, reference: Reference) -> int:
        """Return how many parts at a time may be worth it; 0 where there are only whole blobs."""

    def fetch_part(self, reference: Reference, blob: Descriptor, part: Part) -> None:
        """Hand the bytes from ``part.at`` to ``part.end`` to the part, as `Source.fetch` does."""


@runtime_checkable
class Pouring(Protocol):
    """The optional port of a Source that has many blobs in one pass, in an order of its own."""

    def origin(self, reference: Reference) -> Hashable | None:
        """Return what one pass of has the reference's blobs; None: each is fetched alone."""

    def pour(
        self, reference: Reference, wanted: Collection[Digest]
    ) -> Iterator[tuple[Digest, Iterator[memoryview]]]:
        """Yield what is wanted as it comes, each content whole and not proved.

        It is to be taken before the next is asked for; the memory of a chunk is reused after the
        next. What does not come is not there.
        """


class Store(Protocol):
    """Content at hand that can be read again at will: a bundle, an OCI layout. Thread-safe."""

    def __contains__(self, digest: object) -> bool:
        """Tell whether the content of a digest is at hand."""

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return a manifest's exact bytes, proved.

        Raises:
            InputError: it is missing or its bytes are not those of the digest.
        """

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob from byte ``start`` on; read as a whole, it is hashed on the way.

        A part proves nothing, so nothing before ``start`` is read, and nothing is hashed.

        Raises:
            InputError: before the last chunk is given out, when the bytes are not those of the
                digest, so that nobody can complete a wrong blob; or the blob is not there, or
                shorter than it says.
            ResourceError: the medium cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a blob lie: an open file, and the offset of the first one."""

    fd: int
    at: int


class Placed(Protocol):
    """The optional port of a Store whose blobs lie in files as they are."""

    def place(self, blob: Descriptor) -> AbstractContextManager[Place]:
        """Give a blob's place, valid within the context; nothing is proved.

        Raises:
            InputError: the blob is not there.
            ResourceError: the medium cannot be read.
        """


class Target(Protocol):
    """A registry that takes images. Thread-safe.

    Every method raises NetworkError where the registry failed in spite of retries,
    InputError where it refused, and Stopped where the run ends.

    Attributes:
        address: what it is called, ``HOST[:PORT]``.
    """

    address: str

    def find_manifest(
        self, repository: str, tag_or_digest: str, *, doubt: bool = False
    ) -> Digest | None:
        """Return the digest of what is there under that name, None if nothing.

        Args:
            repository: where.
            tag_or_digest: under which name.
            doubt: a first answer was not what it should be: ask in the surest way.

        Raises:
            InputError: the registry does not tell.
        """

    def has_blob(self, repository: str, blob: Descriptor) -> bool:
        """Tell whether the repository has a blob."""

    def put_blob(
        self, repository: str, blob: Descriptor, chunks: Chunks, mount_from: str = ""
    ) -> bool:
        """Make the blob be in the repository: found, mounted or uploaded; True if uploaded.

        Args:
            repository: where to.
            blob: what.
            chunks: begins to read the content; called again for each new attempt.
            mount_from: another repository of the target that has the blob; empty if unknown.
        """

    def put_manifest(
        self, repository: str, tag_or_digest: str, descriptor: Descriptor, body: bytes
    ) -> None:
        """Store a manifest under its digest or a tag; its content is in the repository already."""

    def referrers(self, repository: str, subject: Digest) -> tuple[list[dict[str, Any]], bool]:
        """Return the descriptors of what the target lists as attached to a manifest.

        Returns:
            them, and whether it keeps the list itself; where not, it is under a tag, see
            `airgap.oci.attached.tag_of`.
        """
