"""Shelf: images in memory, as a Source that can be told to misbehave."""

from collections.abc import Callable

from airgap.errors import InputError, NetworkError
from airgap.oci import descriptor as d
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.transfer.ports import Sink
from tests.support.images import Shapes


class Shelf(Shapes):
    """Images by name.

    Attributes:
        fetched: digests of the blobs that were asked for, in order.
        budget: the pulls that are left, and the window in seconds.
        fault: is called with each blob's digest and content before it is given out, and returns
            what is given out instead.
    """

    def __init__(self) -> None:
        self.content: dict[Digest, bytes] = {}
        self.roots: dict[str, d.Descriptor] = {}
        self.fetched: list[Digest] = []
        self.resolved: list[Reference] = []
        self.budget: tuple[int, int] | None = None
        self.fault: Callable[[Digest, bytes], bytes] = lambda _, content: content

    def keep(self, content: bytes, about: d.Descriptor, name: str) -> None:
        self.content[about.digest] = content
        if name:
            self.roots[name] = about

    def resolve(self, reference: Reference) -> tuple[d.Descriptor, bytes]:
        self.resolved.append(reference)
        root = self.roots.get(reference.familiar)
        if root is None:
            raise InputError(f"{reference.familiar} does not exist", hint="check the name")
        return root, self.content[root.digest]

    def manifest(self, reference: Reference, descriptor: d.Descriptor) -> bytes:
        if descriptor.digest not in self.content:
            raise InputError(f"{reference.familiar}: {descriptor.digest} is missing")
        return self.content[descriptor.digest]

    def has_blob(self, reference: Reference, blob: d.Descriptor) -> bool:
        return blob.digest in self.content

    def remaining_pulls(self, reference: Reference) -> tuple[int, int] | None:
        return self.budget

    def fetch(self, reference: Reference, blob: d.Descriptor, sink: Sink, offset: int = 0) -> None:
        self.fetched.append(blob.digest)
        sink(memoryview(self.fault(blob.digest, self.content[blob.digest])[offset:]))


def refuse(_: Digest, __: bytes) -> bytes:
    """Fail as a registry does that is out of reach."""
    raise NetworkError("the registry does not answer", hint="try again")
