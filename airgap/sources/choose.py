"""choose: each image from where it is said to be, as one Source."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from airgap.oci.descriptor import Descriptor
from airgap.oci.reference import Reference
from airgap.spec.wanted import Wanted
from airgap.transfer.ports import Part, Parted, Sink, Source


class Chosen:
    """Images by their names on the other side; implements Source and Parted.

    Args:
        registry: has what nothing else is said of.
        elsewhere: by its name there, the source that has an image, and what it is called in it.
    """

    def __init__(
        self, registry: Source, elsewhere: Mapping[Reference, tuple[Source, Reference]]
    ) -> None:
        self._registry, self._elsewhere = registry, elsewhere

    def stop(self) -> None:
        """End what other threads do here; see `airgap.transfer.ports.Source.stop`."""
        for source in {id(s): s for s in (self._registry, *self._sources())}.values():
            source.stop()

    def resolve(self, reference: Reference) -> tuple[Descriptor, bytes]:
        """Look a reference up; see `airgap.transfer.ports.Source.resolve`."""
        source, name = self._of(reference)
        return source.resolve(name)

    def manifest(self, reference: Reference, descriptor: Descriptor) -> bytes:
        """Return a manifest by digest; see `airgap.transfer.ports.Source.manifest`."""
        source, name = self._of(reference)
        return source.manifest(name, descriptor)

    def has_blob(self, reference: Reference, blob: Descriptor) -> bool:
        """Tell whether a blob is there; see `airgap.transfer.ports.Source.has_blob`."""
        source, name = self._of(reference)
        return source.has_blob(name, blob)

    def remaining_pulls(self, reference: Reference) -> tuple[int, int] | None:
        """Tell of a limit; see `airgap.transfer.ports.Source.remaining_pulls`."""
        source, name = self._of(reference)
        return source.remaining_pulls(name)

    def fetch(self, reference: Reference, blob: Descriptor, sink: Sink, offset: int = 0) -> None:
        """Hand a blob's bytes to ``sink``; see `airgap.transfer.ports.Source.fetch`."""
        source, name = self._of(reference)
        source.fetch(name, blob, sink, offset)

    def connections(self, reference: Reference) -> int:
        """Tell how many connections help; 0 where parts are not to be had."""
        source, name = self._of(reference)
        return source.connections(name) if isinstance(source, Parted) else 0

    def fetch_part(self, reference: Reference, blob: Descriptor, part: Part) -> None:
        """Fetch a part of a blob; see `airgap.transfer.ports.Parted.fetch_part`."""
        source, name = self._of(reference)
        if isinstance(source, Parted):
            source.fetch_part(name, blob, part)

    def _of(self, reference: Reference) -> tuple[Source, Reference]:
        found = self._elsewhere.get(reference)
        if found or not reference.digest:
            return found or (self._registry, reference)
        # A digest that a lock has for the name.
        source, name = self._elsewhere.get(
            replace(reference, digest=None), (self._registry, reference)
        )
        return source, replace(name, digest=reference.digest)

    def _sources(self) -> Iterable[Source]:
        return (source for source, _ in self._elsewhere.values())


def choose(images: Iterable[Wanted], registry: Source) -> Chosen:
    """Return the source of all images, each by its name on the other side."""
    return Chosen(registry, {one.reference: (registry, one.origin) for one in images if one.origin})
