"""attached: finds the signatures, attestations and SBOMs of an image, and what they have again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airgap.errors import InputError, NetworkError, TrustError
from airgap.oci.attached import (
    MAX_ATTACHED,
    MAX_DEPTH,
    SUFFIXES,
    entries_in,
    entry_of,
    list_of,
    number,
    subjects,
    tag_of,
)
from airgap.oci.descriptor import Descriptor, unique
from airgap.oci.digest import Digest
from airgap.oci.image import Image, walk
from airgap.oci.manifest import Parsed, describe, parse
from airgap.oci.reference import Reference
from airgap.progress import Progress, size
from airgap.transfer.ports import Attaching
from airgap.transfer.workers import OWN

_OUT = (
    "--without-attached packs images without their signatures, attestations and SBOMs;"
    " --keep-going leaves this image out"
)
_MORE = "--max-attached MIB allows more; "


class Attached:
    """Looks for what is attached to images. Thread-safe.

    Args:
        source: where the images come from.
        bodies: the bytes of manifests that were read; what is found is added.
        progress: is told of what is listed and not there.
        most: how many bytes may be attached to one image.
    """

    def __init__(
        self, source: Attaching, bodies: dict[Digest, bytes], progress: Progress, most: int
    ) -> None:
        self._source, self._bodies, self._progress = source, bodies, progress
        self._most = most
        self._known: dict[tuple[str, Digest], Sequence[Image]] = {}
        self._parsed = Parsed()

    def of(self, image: Image) -> Sequence[Image]:
        """Return what is attached to an image, each under the tag by which it is found.

        Raises:
            InputError: there is too much, or it is no manifest.
            NetworkError: the source cannot say.
        """
        try:
            return self._below(image)
        except OWN as error:
            kinds = (NetworkError, TrustError, InputError)
            kind = next((one for one in kinds if isinstance(error, one)), InputError)
            raise kind(
                f"{image.reference.familiar}: what is attached to it cannot be told:"
                f" {error.message}",
                hint=f"{error.hint}{_OUT}" if error.hint == _MORE else _OUT,
            ) from error

    def _below(self, image: Image) -> Sequence[Image]:
        found: dict[Reference, Image] = {}
        level = [manifest.digest for manifest in image.manifests]
        seen = set(level)
        for depth in range(MAX_DEPTH + 1):
            new = [one for subject in level for one in self._on(image.reference, subject)]
            if not new:
                break
            if depth == MAX_DEPTH:
                raise InputError(f"it goes deeper than {MAX_DEPTH}: {new[0].reference}")
            found |= {one.reference: one for one in new}
            if number(found.values()) > MAX_ATTACHED:
                raise InputError(f"there are more than {MAX_ATTACHED}")
            self._check_size(found.values())
            told = dict.fromkeys(d.digest for one in new for d in subjects(one))
            level = [digest for digest in told if digest not in seen]
            seen.update(level)
        return sorted(found.values(), key=lambda one: one.reference)

    def _check_size(self, found: Iterable[Image]) -> None:
        """Bound what is fetched, by what the manifests say, before any of it is."""
        blobs = unique(blob for one in found for blob in one.blobs)
        total = sum(blob.size for blob in blobs)
        if total > self._most:
            raise InputError(f"it has {size(total)}, and {size(self._most)} are taken", hint=_MORE)

    def _on(self, reference: Reference, subject: Digest) -> Sequence[Image]:
        """Return what is attached to one manifest."""
        key = (reference.name, subject)
        if subject.algorithm != "sha256":
            return ()
        if key not in self._known:
            self._known[key] = self._look(reference, subject)
        return self._known[key]

    def _look(self, reference: Reference, subject: Digest) -> Sequence[Image]:
        tags = [tag_of(subject, suffix) for suffix in SUFFIXES]
        there = [(tag, found) for tag in tags if (found := self._source.find(reference, tag))]
        images = [self._image(reference, tag, *found) for tag, found in there]
        if entries := self._referrers(reference, subject):
            body = list_of(entries)
            root = describe(body, "", f"{reference.familiar}: its list of referrers")
            images.append(self._image(reference, tag_of(subject), root, body))
        return images

    def _image(self, reference: Reference, tag: str, root: Descriptor, body: bytes) -> Image:
        self._bodies[root.digest] = body
        name = Reference(reference.host, reference.path, tag)

        def load(descriptor: Descriptor) -> bytes:
            found = self._manifest(reference, descriptor.digest)
            if found is None:
                raise InputError(f"{name.familiar}: {descriptor.digest} is not there")
            return found

        image = walk(name, root, load, lambda index: index.children, self._parsed)
        return replace(image, platforms=(), attached=True)

    def _referrers(self, reference: Reference, subject: Digest) -> list[Mapping[str, Any]]:
        """Return the entries of what refers to a manifest, as its own bytes tell."""
        entries = {}
        for digest in self._listed(reference, subject):
            body = self._manifest(reference, digest)
            if body is None:
                self._progress.warn(
                    f"{reference.familiar}: {digest} is listed as attached, and is not there"
                )
                continue
            parsed = parse(body, "", f"{reference.familiar}: {digest}")
            if parsed.subject and parsed.subject.digest == subject:
                found = Descriptor(parsed.media_type, digest, len(body))
                entries[str(digest)] = entry_of(body, found)
        return [entries[digest] for digest in sorted(entries)]

    def _listed(self, reference: Reference, subject: Digest) -> list[Digest]:
        listed = self._source.referrers(reference, subject)
        if listed is None:
            # GitLab answers with the image itself: only another index is a list.
            found = self._source.find(reference, tag_of(subject))
            is_list = found and found[0].is_index and found[0].digest != subject
            listed = entries_in(found[1], "the list of referrers") if found and is_list else []
        if len(listed) > MAX_ATTACHED:
            raise InputError(f"more than {MAX_ATTACHED} refer to {subject}")
        digests = dict.fromkeys(Digest.parse(entry.get("digest")) for entry in listed)
        return [digest for digest in digests if digest != subject]

    def _manifest(self, reference: Reference, digest: Digest) -> bytes | None:
        body = self._bodies.get(digest)
        if body is None:
            found = self._source.find(reference, str(digest))
            if found is None:
                return None
            body = self._bodies[digest] = found[1]
        return body
