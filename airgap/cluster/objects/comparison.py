"""What landed, compared with what is there."""

from collections.abc import Iterator, Mapping, Sequence, Set

from airgap.cluster.objects.landed import Landed
from airgap.oci.reference import Reference, short_repositories

Listed = Mapping[str, Set[str]]
"""Digests of lists of referrers, to the digests that each lists."""


def names(reference: Reference, short: Mapping[str, str]) -> list[str]:
    """Return the repositories of a reference: the full one, and the short one if it has it."""
    return [reference.repository, *filter(None, [short.get(reference.name)])]


def recorded(bundles: Sequence[Landed]) -> dict[str, set[str]]:
    """Return the digests that landed under each ``REPOSITORY:TAG``, in whatever bundle."""
    found: dict[str, set[str]] = {}
    for name, digest, _ in _each(bundles):
        found.setdefault(name, set()).add(digest)
    return found


def lists(bundles: Sequence[Landed], tags: Mapping[str, str]) -> set[str]:
    """Return the digests of lists of referrers that are not those that landed.

    Others attach to the same images, so that such a list may hold more; `differing` has to know
    what it holds.
    """
    landed = recorded(bundles)
    return {
        tags[name] for name in _entries(bundles) if tags.get(name, "") not in {"", *landed[name]}
    }


def differing(bundles: Sequence[Landed], tags: Mapping[str, str], listed: Listed) -> dict[str, str]:
    """Return the tags that are not what landed, to what they are; empty for one that is gone.

    A short tag that is not there was never given, or is not missed: its full one is.

    Args:
        bundles: what landed.
        tags: what is there, ``REPOSITORY:TAG`` to digest.
        listed: what the lists hold that `lists` named; one that is not among them is none.
    """
    full = {f"{r.repository}:{r.tag}" for b in bundles for r, _, _ in _landed(b) if r.tag}
    entries = _entries(bundles)
    return {
        name: tags.get(name, "")
        for name, digests in recorded(bundles).items()
        if tags.get(name, "") not in digests
        and (name in tags or name in full)
        and not (name in entries and entries[name] <= listed.get(tags.get(name, ""), set()))
    }


def _landed(bundle: Landed) -> Iterator[tuple[Reference, str, Sequence[str]]]:
    """Give each reference with its digest, and with what it has to hold if it is a list."""
    if bundle.digests:
        for text, digest in zip(bundle.references, bundle.digests, strict=True):
            yield Reference.parse(text), digest, ()
    for one in bundle.attached:
        yield Reference.parse(one.reference), one.digest, one.entries


def _each(bundles: Sequence[Landed]) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Give the same by ``REPOSITORY:TAG``."""
    for bundle in bundles:
        found = list(_landed(bundle))
        short = short_repositories(reference for reference, _, _ in found)
        for reference, digest, entries in found:
            if reference.tag:
                for name in names(reference, short):
                    yield f"{name}:{reference.tag}", digest, entries


def _entries(bundles: Sequence[Landed]) -> dict[str, set[str]]:
    """Return what the lists of referrers of all bundles have to hold, by ``REPOSITORY:TAG``."""
    found: dict[str, set[str]] = {}
    for name, _, entries in _each(bundles):
        if entries:
            found.setdefault(name, set()).update(entries)
    return found
