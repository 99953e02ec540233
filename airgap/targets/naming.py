"""naming: what images are called on the other side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from airgap.oci.image import Image
from airgap.oci.reference import Reference, short_repositories


@dataclass(frozen=True, slots=True)
class Naming:
    """How the repositories of images are called at a target.

    Attributes:
        prefix: stands before each of them.
        short_names: each image also gets its short name, where no other image claims it.
    """

    prefix: str = ""
    short_names: bool = False

    def names(self, images: Iterable[Image]) -> Mapping[Reference, tuple[str, ...]]:
        """Return the repositories of each image, its own first."""
        references = [image.reference for image in images]
        short = short_repositories(references) if self.short_names else {}
        found: dict[Reference, tuple[str, ...]] = {}
        for reference in references:
            second = short.get(reference.name)
            names = (reference.repository, *([second] if second else []))
            found[reference] = tuple(map(self._below, names))
        return found

    def _below(self, repository: str) -> str:
        prefix = self.prefix.strip("/")
        return f"{prefix}/{repository}" if prefix else repository
