"""check: what a target has of some images; nothing is sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from airgap.errors import AirgapError, MissingError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import Reference
from airgap.progress import count
from airgap.transfer import attached
from airgap.transfer.landing import Landing, Names, Needs, landings
from airgap.transfer.ports import Store, Target
from airgap.transfer.report import Failure, Report, listed
from airgap.transfer.stop import Stop
from airgap.transfer.workers import each


@dataclass(frozen=True, slots=True)
class Missing:
    """An image that is not whole at the target under one of its names.

    Attributes:
        reference: the image, as it was asked for.
        target: the name, ``HOST/REPOSITORY:TAG`` or ``…@DIGEST``.
        lack: what is not there.
    """

    reference: Reference
    target: str
    lack: str

    def to_json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {"reference": str(self.reference), "target": self.target, "lack": self.lack}


@dataclass
class Comparison:
    """What a target has.

    Attributes:
        images: how many were looked for.
        missing: what is not there.
        left_alone: short tags that exist with another digest: a push does not move them.
        failed: what could not be found out.
    """

    images: int = 0
    missing: list[Missing] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    @property
    def unfinished(self) -> list[Reference]:
        """The images that are not there, or of which that is not known; each once."""
        references = [missing.reference for missing in self.missing]
        references += [failure.reference for failure in self.failed]
        return list(dict.fromkeys(references))

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as ``--json`` prints it."""
        return {
            "image_count": self.images,
            "missing": [missing.to_json() for missing in self.missing],
            "left_alone": self.left_alone,
            "failed": [failure.to_json() for failure in self.failed],
        }

    def check(self) -> None:
        """Raise where not all is there.

        Raises:
            AirgapError: something could not be found out.
            MissingError: something is not there.
        """
        Report(images=self.images, failed=self.failed).check()
        if self.missing:
            number = len({missing.reference for missing in self.missing})
            lines = [f"{missing.reference}: {missing.lack}" for missing in self.missing]
            head = f"{number} of {count(self.images, 'image')} not there or not whole"
            raise MissingError(
                listed(head, lines), hint="push without --check sends what is missing"
            )


def check(
    images: Sequence[Image],
    store: Store,
    target: Target,
    *,
    names: Names | None = None,
    stop: Stop | None = None,
) -> Comparison:
    """Compare a target with images: their names, their manifests and their blobs.

    Args:
        images: what is to be there.
        store: has their content.
        target: where.
        names: in which repositories; each in its full one where not given.
        stop: ends the run; the target should have the same.

    Raises:
        ResourceError: this host lacks something.
        Stopped: somebody set ``stop``.
    """
    return _Check(target, stop or Stop()).run(images, landings(images, names), store)


class _Check:
    def __init__(self, target: Target, stop: Stop) -> None:
        self._target, self._stop = target, stop
        self._found = Comparison()
        self._lacks: dict[Landing, str] = {}
        self._errors: dict[Landing, AirgapError] = {}

    def run(self, images: Sequence[Image], wanted: Sequence[Landing], store: Store) -> Comparison:
        there = self._names(wanted, store)
        self._content(Needs(there, store, _manifests), self._has_manifest)
        self._content(Needs(there, store), self._target.has_blob)
        found = self._found
        found.images = sum(not image.attached for image in images)
        for landing in wanted:
            reference, name = landing.image.reference, f"{self._target.address}/{landing.name}"
            if landing in self._errors:
                found.failed.append(Failure(reference, name, self._errors[landing]))
            elif landing in self._lacks:
                found.missing.append(Missing(reference, name, self._lacks[landing]))
        return found

    def _names(self, wanted: Sequence[Landing], store: Store) -> list[Landing]:
        """Look the names up; returns those that stand for what they should."""

        def look(x: Landing) -> Digest | None:
            if attached.is_list(x.image):
                is_there = attached.is_there(self._target, store, x)
                return x.image.root.digest if is_there else None
            return self._find(x.repository, x.identifier, x.image.root.digest)

        outcome = each(look, wanted, self._stop)
        self._errors.update(outcome.failed)
        there = []
        for landing, found in outcome.done:
            if found == landing.image.root.digest:
                there.append(landing)
            elif found is None:
                self._lacks[landing] = f"{landing.name} is not there"
            elif landing.is_own:
                self._lacks[landing] = f"{landing.name} is {found}"
            else:
                self._found.left_alone.append(landing.name)
        return there

    def _content(self, needs: Needs, has: Callable[[str, Descriptor], bool]) -> None:
        """Look for what the images need, each once in each repository."""
        wanted = [(name, found) for found in needs.blobs for name in needs.repositories(found)]
        outcome = each(lambda pair: has(*pair), wanted, self._stop)
        for (repository, found), error in outcome.failed:
            for landing in needs.of(found, repository):
                self._errors.setdefault(landing, error)
        for (repository, found), is_there in outcome.done:
            for landing in needs.of(found, repository) if not is_there else ():
                self._lacks.setdefault(landing, f"{repository} lacks {found.digest}")

    def _has_manifest(self, repository: str, found: Descriptor) -> bool:
        return self._find(repository, str(found.digest), found.digest) == found.digest

    def _find(self, repository: str, identifier: str, digest: Digest) -> Digest | None:
        """Ask what a name stands for; twice where it is not what it should be."""
        found = self._target.find_manifest(repository, identifier)
        if found == digest:
            return found
        return self._target.find_manifest(repository, identifier, doubt=True)


def _manifests(image: Image) -> Sequence[Descriptor]:
    """Return what has to be there: a list of referrers may be merged with others."""
    return image.manifests[:-1] if attached.is_list(image) else image.manifests
