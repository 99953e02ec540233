"""Opened: what lies on this machine, each place opened once; charts, and a daemon's images."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from airgap.errors import InputError
from airgap.oci.reference import Reference
from airgap.sources.chart.repository import Pages, Repositories, name_of
from airgap.sources.docker_daemon import DaemonImages
from airgap.sources.export import ExportSource
from airgap.sources.failing import Failing
from airgap.sources.named import Content, find, listed
from airgap.sources.place import open_place, split
from airgap.sources.store import StoreSource
from airgap.spec.charts import is_remote
from airgap.spec.wanted import Place, Placed, Wanted
from airgap.transfer.ports import Source
from airgap.transfer.workers import OWN

Image = tuple[Wanted, Source, Reference]
"""An image as it is wanted, what has it, and what it is called there."""


class Opened:
    """Places on this machine.

    Args:
        registry: has the images of which a daemon says that they are there.
        stack: closes what is opened.
        pages: reads charts from their repositories.
        daemon: has the images of docker on this machine.
    """

    def __init__(
        self,
        registry: Source,
        stack: ExitStack,
        pages: Pages | None,
        daemon: DaemonImages | None,
    ) -> None:
        self._registry, self._stack, self._daemon = registry, stack, daemon
        self._charts = Repositories(pages) if pages else None
        self._open: dict[tuple[Path, bool], Content] = {}

    def images(self, placed: Placed) -> Iterator[Image]:
        """Yield the images that are meant, and where they are.

        What fails and has a name is yielded, too: it fails again where it is asked for.

        Raises:
            InputError: there are none, or several where one is meant.
        """
        if placed.place.transport == "helm":
            yield self._named(placed, name_of, self._chart)
        elif placed.place.transport == "docker-daemon":
            assert self._daemon is not None  # noqa: S101  (who has none lists no such image)
            yield self._named(placed, self._daemon.name, self._of_daemon)
        else:
            yield from self._at(placed)

    def _named(
        self,
        placed: Placed,
        name_of: Callable[[Place], Reference | None],
        read: Callable[[Place, Reference | None], Image],
    ) -> Image:
        name = placed.name or name_of(placed.place)
        try:
            wanted, source, there = read(placed.place, placed.name)
        except OWN as error:
            if name is None:
                raise
            return Wanted(name, placed.platforms, _exact(placed.place)), Failing(error), name
        return Wanted(wanted.reference, placed.platforms, wanted.origin), source, there

    def _of_daemon(self, place: Place, name: Reference | None) -> Image:
        assert self._daemon is not None  # noqa: S101
        called = name or self._daemon.name(place)
        found = self._daemon.image(place)
        if isinstance(found, Reference):
            origin = None if found == called else found
            return Wanted(called, None, origin), self._registry, found
        export, image = found
        return Wanted(called, None, _exact(place)), ExportSource(export, image), called

    def _chart(self, place: Place, name: Reference | None) -> Image:
        assert self._charts is not None  # noqa: S101  (lists of images alone have no pages)
        chart = self._charts.chart(place)
        (one,) = chart.named
        wanted = Wanted(name or one.reference, None, _exact(place))
        return wanted, StoreSource(chart, one), wanted.reference

    def _at(self, placed: Placed) -> Iterator[Image]:
        path, text = split(placed.place)
        content = self._content(path, is_bundle=placed.place.transport == "bundle")
        found = find(content, text)
        if not found:
            raise InputError(f"{path} has no image", hint="name another archive")
        if placed.name and len(found) > 1:
            raise InputError(
                f"{path} has {len(found)} images, and one name is given",
                hint=f"write {placed.place}:REF as {placed.name}; it has {listed(content)}",
            )
        for one in found:
            name = placed.name or one.reference
            exact = one.text or str(one.root.digest)
            origin = Place(placed.place.transport, f"{path.absolute()}:{exact}")
            yield Wanted(name, placed.platforms, origin), StoreSource(content, one), name

    def _content(self, path: Path, *, is_bundle: bool) -> Content:
        key = (path.resolve(), is_bundle)
        if key not in self._open:
            self._open[key] = open_place(path, self._stack, is_bundle=is_bundle)
        return self._open[key]


def _exact(place: Place) -> Place:
    """Return a place that means the same wherever it is read."""
    if place.transport != "helm" or is_remote(place):
        return Place(place.transport, place.text)
    return Place("helm", str((place.folder / place.text).absolute()))
