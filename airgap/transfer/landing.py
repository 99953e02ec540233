"""landing: an image under one name at the target, and what that name still needs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import Reference
from airgap.transfer.ports import Store

Names = Mapping[Reference, Sequence[str]]
"""The repositories of each image at the target: its own first, then those that it shares."""


@dataclass(frozen=True, slots=True, eq=False)
class Landing:
    """An image that is to be in one repository of the target.

    Attributes:
        image: which.
        repository: where.
        is_own: whether it is the image's own name there; a tag under another name, if it exists
            with another digest, is never moved.
    """

    image: Image
    repository: str
    is_own: bool = True

    @property
    def identifier(self) -> str:
        """What the registry calls it there: its tag, or its digest where it has none."""
        return self.image.reference.tag or str(self.image.root.digest)

    @property
    def name(self) -> str:
        """``REPOSITORY:TAG`` or ``REPOSITORY@DIGEST``."""
        return f"{self.repository}{':' if self.image.reference.tag else '@'}{self.identifier}"


def landings(images: Iterable[Image], names: Names | None) -> list[Landing]:
    """Return where images are to be: in their full repositories, where no names are given."""
    return [
        Landing(image, repository, is_own=number == 0)
        for image in images
        for number, repository in enumerate(
            names[image.reference] if names else [image.reference.repository]
        )
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Put:
    """A blob that is to be in a repository.

    Attributes:
        blob: which.
        repository: where.
        origin: another repository that has it; empty where none is known.
    """

    blob: Descriptor
    repository: str
    origin: str = ""


class Needs:
    """Which landings need a blob in a repository; or a manifest.

    Args:
        landings: those that are not there yet.
        store: has the content; a foreign layer that it lacks stays where its urls say.
        of: what is needed of an image, its blobs where nothing else is said.
    """

    def __init__(
        self,
        landings: Iterable[Landing],
        store: Store,
        of: Callable[[Image], Iterable[Descriptor]] = lambda image: image.blobs,
    ) -> None:
        self._blobs: dict[Digest, Descriptor] = {}
        self._needed: dict[Digest, dict[str, list[Landing]]] = {}
        for landing in landings:
            for blob in of(landing.image):
                if blob.is_foreign and blob.digest not in store:
                    continue
                self._blobs.setdefault(blob.digest, blob)
                where = self._needed.setdefault(blob.digest, {})
                where.setdefault(landing.repository, []).append(landing)

    @property
    def blobs(self) -> Sequence[Descriptor]:
        """All that are needed anywhere, each once."""
        return list(self._blobs.values())

    def repositories(self, blob: Descriptor) -> Sequence[str]:
        """Return where a blob is needed, in the order of the landings."""
        return list(self._needed[blob.digest])

    def of(self, blob: Descriptor, repository: str = "") -> Sequence[Landing]:
        """Return who needs a blob in a repository; anywhere where none is given."""
        where = self._needed[blob.digest]
        if repository:
            return where[repository]
        return [landing for landings in where.values() for landing in landings]
