"""What landed, compared with what is there."""

from collections.abc import Iterator, Mapping, Sequence

from airgap.cluster.objects.landed import Landed
from airgap.oci.reference import Reference, short_repositories


def names(reference: Reference, short: Mapping[str, str]) -> list[str]:
    """Return the repositories of a reference: the full one, and the short one if it has it."""
    return [reference.repository, *filter(None, [short.get(reference.name)])]


def recorded(bundles: Sequence[Landed]) -> dict[str, set[str]]:
    """Return the digests that landed under each ``REPOSITORY:TAG``, in whatever bundle."""
    found: dict[str, set[str]] = {}
    for name, digest in _each(bundles):
        found.setdefault(name, set()).add(digest)
    return found


def differing(bundles: Sequence[Landed], tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that are not what landed, to what they are; empty for one that is gone.

    A short tag that is not there was never given, or is not missed: its full one is.
    """
    full = {f"{r.repository}:{r.tag}" for r in _references(bundles) if r.tag}
    return {
        name: tags.get(name, "")
        for name, digests in recorded(bundles).items()
        if tags.get(name, "") not in digests and (name in tags or name in full)
    }


def _references(bundles: Sequence[Landed]) -> Iterator[Reference]:
    for bundle in bundles:
        if bundle.digests:
            yield from map(Reference.parse, bundle.references)


def _each(bundles: Sequence[Landed]) -> Iterator[tuple[str, str]]:
    for bundle in bundles:
        if not bundle.digests:
            continue
        references = list(map(Reference.parse, bundle.references))
        short = short_repositories(references)
        for reference, digest in zip(references, bundle.digests, strict=True):
            if reference.tag:
                for name in names(reference, short):
                    yield f"{name}:{reference.tag}", digest
