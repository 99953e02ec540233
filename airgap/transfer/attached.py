"""attached: the lists of referrers at a target, which it keeps itself or under a tag.

What is under the tag is merged, never replaced: others attach to the same image. Nobody can lock
it, so it is read, merged, written and read again.
"""

from typing import Any

from airgap.errors import NetworkError
from airgap.oci.attached import entries_in, list_of, subject_of, tag_of
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.manifest import describe
from airgap.transfer.landing import Landing
from airgap.transfer.ports import Store, Target
from airgap.transfer.stop import Stop

_SECONDS = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0)
"""Waits before each look whether all is listed."""


def is_list(image: Image) -> bool:
    """Tell whether an image is a list of referrers."""
    found = subject_of(image.reference) if image.attached else None
    return bool(found and not found[1])


def is_there(target: Target, store: Store, landing: Landing) -> bool:
    """Tell whether the target lists all that a list of referrers has.

    Raises:
        InputError: the target does not tell.
        NetworkError: it failed.
    """
    ours = _digests(_ours(store, landing))
    return ours <= _digests(target.referrers(landing.repository, _subject(landing))[0])


def put(target: Target, store: Store, landing: Landing, stop: Stop) -> None:
    """Make the target list what a list of referrers has; their manifests are there.

    Raises:
        NetworkError: it does not list all, however often it was asked.
    """
    subject, name = _subject(landing), landing.image.reference.familiar
    ours = _ours(store, landing)
    lacking: set[Digest] = set()
    for seconds in _SECONDS:
        if seconds:
            stop.wait(seconds)
        listed, by_api = target.referrers(landing.repository, subject)
        lacking = _digests(ours) - _digests(listed)
        if not lacking:
            return
        if not by_api:
            merged = sorted([*listed, *ours], key=lambda entry: str(entry["digest"]))
            body = list_of(merged)
            target.put_manifest(landing.repository, tag_of(subject), describe(body, "", name), body)
    raise NetworkError(
        f"{landing.repository}: {min(lacking)} was stored, and the registry does not list it as"
        f" attached to {subject}",
        hint="run the same command again; --without-attached leaves it out",
    )


def _ours(store: Store, landing: Landing) -> list[dict[str, Any]]:
    body = store.manifest_bytes(landing.image.root.digest)
    return entries_in(body, landing.image.reference.familiar)


def _subject(landing: Landing) -> Digest:
    found = subject_of(landing.image.reference)
    assert found is not None  # noqa: S101  (for the type)
    return found[0]


def _digests(entries: list[dict[str, Any]]) -> set[Digest]:
    return {Digest.parse(entry["digest"]) for entry in entries}
