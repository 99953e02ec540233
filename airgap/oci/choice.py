"""Choice: which children of an index are carried for the platforms that are wanted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor, unique
from airgap.oci.manifest import Index
from airgap.oci.platform import Platform

Tell = Callable[[Descriptor], Platform | None]
"""Tells what a manifest runs on whose entry in an index does not say it; None: nothing, as of an
artifact."""

MAX_UNTOLD = 100
"""How many entries of an index may leave it to their configs to tell their platforms."""


class Choice:
    """Picks the children of indexes for the wanted platforms, for one image.

    Of an index that names no platform all is carried: its children are artifacts. Several entries
    for one platform (which differ in the system's version) are all carried. An index without a
    platform is followed, and may have what its parent lacks.

    Args:
        what: names the image in errors.
        wanted: in the order of preference; empty takes all.
        tell: asked where an entry does not say its platform.
        attestations: take what buildkit attests of the chosen children, which are their siblings.
    """

    def __init__(
        self,
        what: str,
        wanted: Sequence[Platform],
        tell: Tell | None = None,
        *,
        attestations: bool = True,
    ) -> None:
        self._what, self._wanted, self._tell = what, tuple(wanted), tell
        self._attestations = attestations
        self._served: set[Platform] = set()
        self._offered: set[str] = set()

    def __call__(self, index: Index) -> Sequence[Descriptor]:
        """Return the children to carry, in the order of preference.

        Raises:
            InputError: too many entries say no platform.
        """
        if not self._wanted:
            return index.children
        children = self._told(index)
        named = [c.platform for c in children if c.platform and c.platform.is_known]
        if not named:
            return index.children
        self._offered.update(map(str, named))
        chosen = [child for child in children if child.is_index and not child.platform]
        for wanted in self._wanted:
            best = _best(children, wanted)
            if best:
                self._served.add(wanted)
            chosen += best
        chosen += [child for child in children if not child.platform]
        if self._attestations:
            digests = {child.digest for child in chosen}
            chosen += [child for child in children if child.attests in digests]
        return list(unique(chosen))

    def check(self) -> None:
        """Check, once the image was walked, that all was found that is wanted.

        Raises:
            InputError: the image is there for several platforms, but not for one of these.
        """
        lacking = [platform for platform in self._wanted if platform not in self._served]
        if lacking and self._offered:
            raise InputError(
                f"{self._what} has no image for {', '.join(map(str, lacking))}"
                f" (it has {', '.join(sorted(self._offered))})",
                hint="choose with --platform, or leave the image out",
            )

    def _told(self, index: Index) -> list[Descriptor]:
        """Return the children with the platforms that their configs tell."""
        if not self._tell:
            return list(index.children)
        untold = sum(not (child.platform or child.is_index) for child in index.children)
        if untold > MAX_UNTOLD:
            raise InputError(
                f"{self._what}: its index has {untold} entries without a platform",
                hint="--platform all carries it whole",
            )
        return [
            child
            if child.platform or child.is_index
            else replace(child, platform=self._tell(child))
            for child in index.children
        ]


def _best(children: Iterable[Descriptor], wanted: Platform) -> list[Descriptor]:
    """Return the entries that serve a platform best, in the order of the index."""
    fits = [(child, child.platform.fitness(wanted)) for child in children if child.platform]
    best = max((fitness for _, fitness in fits if fitness is not None), default=None)
    return [child for child, fitness in fits if fitness is not None and fitness == best]
