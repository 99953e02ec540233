"""choose: each image from where it is said to be, as one Source."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from airgap.errors import InputError
from airgap.oci.attached import tag_of
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.sources.chart.repository import Pages
from airgap.sources.docker_daemon import DaemonImages
from airgap.sources.opened import Opened
from airgap.spec.wanted import Placed, Wanted
from airgap.transfer.ports import Attaching, Part, Parted, Pouring, Sink, Source

_SHOWN = 20


class Chosen:
    """Images by their names on the other side; implements Source, Parted, Pouring and Attaching.

    Args:
        registry: has what nothing else is said of.
        elsewhere: by its name there, the source that has an image, and what it is called in it.
    """

    def __init__(
        self, registry: Source, elsewhere: Mapping[Reference, tuple[Source, Reference]]
    ) -> None:
        self._registry, self._elsewhere = registry, dict(elsewhere)

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

    def origin(self, reference: Reference) -> Hashable | None:
        """Tell what one pass of has its blobs; see `airgap.transfer.ports.Pouring.origin`."""
        source, name = self._of(reference)
        return source.origin(name) if isinstance(source, Pouring) else None

    def pour(
        self, reference: Reference, wanted: Collection[Digest]
    ) -> Iterator[tuple[Digest, Iterator[memoryview]]]:
        """Yield what is wanted as it comes; see `airgap.transfer.ports.Pouring.pour`."""
        source, name = self._of(reference)
        return source.pour(name, wanted) if isinstance(source, Pouring) else iter(())

    def find(self, reference: Reference, identifier: str) -> tuple[Descriptor, bytes] | None:
        """Look for a manifest; see `airgap.transfer.ports.Attaching.find`."""
        source, name = self._of(reference)
        found = source.find(name, identifier) if isinstance(source, Attaching) else None
        if found and ":" not in identifier:
            self._learn(reference, identifier)
        return found

    def referrers(self, reference: Reference, subject: Digest) -> Sequence[dict[str, Any]] | None:
        """List what is attached; see `airgap.transfer.ports.Attaching.referrers`."""
        source, name = self._of(reference)
        if not isinstance(source, Attaching):
            return ()
        self._learn(reference, tag_of(subject))
        return source.referrers(name, subject)

    def _learn(self, reference: Reference, tag: str) -> None:
        """Remember that what a tag is attached to is where the tag is, too."""
        source, name = self._of(reference)
        there = replace(name, tag=tag, digest=None)
        self._elsewhere.setdefault(replace(reference, tag=tag, digest=None), (source, there))

    def _of(self, reference: Reference) -> tuple[Source, Reference]:
        found = self._elsewhere.get(reference)
        if found or not reference.digest:
            return found or (self._registry, reference)
        # A digest that a lock has for the name.
        source, name = self._elsewhere.get(
            replace(reference, digest=None), (self._registry, reference)
        )
        return source, replace(name, digest=reference.digest)


def choose(
    listed: Iterable[Wanted | Placed],
    registry: Source,
    stack: ExitStack,
    pages: Pages | None = None,
    daemon: DaemonImages | None = None,
) -> tuple[tuple[Wanted, ...], Chosen]:
    """Find the images of a list, and the source of all of them.

    Args:
        listed: registries' images, and places on this machine, which are looked into.
        registry: has all that is in no other place.
        stack: closes what is opened.
        pages: reads charts from their repositories.
        daemon: has the images of docker on this machine.

    Returns:
        the images in the order listed, and where each is by its name on the other side.

    Raises:
        InputError: tells of every place that is not there or has no such image. What has a name
            all the same fails when that is looked up.
        ResourceError: the daemon, or a file system, failed.
    """
    places = Opened(registry, stack, pages, daemon)
    images: list[Wanted] = []
    elsewhere: dict[Reference, tuple[Source, Reference]] = {}
    errors: list[InputError] = []
    for one in listed:
        if isinstance(one, Wanted):
            images.append(one)
            if isinstance(one.origin, Reference):
                elsewhere.setdefault(one.reference, (registry, one.origin))
            continue
        try:
            for wanted, source, name in places.images(one):
                images.append(wanted)
                elsewhere.setdefault(wanted.reference, (source, name))
        except InputError as error:
            errors.append(error)
    if errors:
        raise InputError("\n".join(e.message for e in errors[:_SHOWN]), hint=errors[0].hint)
    return tuple(images), Chosen(registry, elsewhere)
