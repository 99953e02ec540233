"""StoreSource: any Store that knows its images, as a Source."""

from typing import Any

from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.manifest import describe
from airgap.oci.reference import Reference
from airgap.sources.named import Content, Listing, Named
from airgap.transfer.ports import Sink


class StoreSource:
    """One image of a Store under any name; implements Source.

    Args:
        content: has the image.
        image: which.
    """

    def __init__(self, content: Content, image: Named) -> None:
        self._content, self._image = content, image

    def resolve(self, reference: Reference) -> tuple[Descriptor, bytes]:
        """Return the image, whatever it is to be called; a digest that is asked for must be its."""
        root = self._image.root
        if reference.digest not in (None, root.digest):
            raise InputError(
                f"{reference.familiar}: {self._content.path} has {root.digest}",
                hint="--update takes up what is there now",
            )
        return root, self._bytes(root)

    def manifest(self, reference: Reference, descriptor: Descriptor) -> bytes:
        """Return a manifest by digest; see `airgap.transfer.ports.Source.manifest`."""
        if descriptor.digest not in self._content:
            raise InputError(
                f"{reference.familiar}: {self._content.path} lacks the manifest"
                f" {descriptor.digest}, which its index names",
                hint="choose what is there with --platform",
            )
        return self._bytes(descriptor)

    def find(self, reference: Reference, identifier: str) -> tuple[Descriptor, bytes] | None:
        """Look for a manifest; see `airgap.transfer.ports.Attaching.find`."""
        if ":" in identifier:
            digest = Digest.parse(identifier)
            if digest not in self._content:
                return None
            body = self._content.manifest_bytes(digest)
            return describe(body, "", f"{self._content.path}: {digest}"), body
        name = self._image.reference.name
        for one in self._content.named:
            if one.reference.tag == identifier and one.reference.name == name:
                return one.root, self._bytes(one.root)
        return None

    def referrers(self, reference: Reference, subject: Digest) -> list[dict[str, Any]] | None:
        """List what is attached; where nothing is listed, a tag may name a list."""
        found = self._content.referrers(subject) if isinstance(self._content, Listing) else ()
        return [one.to_json() for one in found] or None

    def has_blob(self, reference: Reference, blob: Descriptor) -> bool:
        """Tell whether a blob is there."""
        return blob.digest in self._content

    def remaining_pulls(self, reference: Reference) -> None:
        """There is no limit."""

    def fetch(self, reference: Reference, blob: Descriptor, sink: Sink, offset: int = 0) -> None:
        """Hand a blob's bytes to ``sink``; see `airgap.transfer.ports.Source.fetch`."""
        for chunk in self._content.chunks(blob, offset):
            sink(chunk)

    def _bytes(self, descriptor: Descriptor) -> bytes:
        body = self._content.manifest_bytes(descriptor.digest)
        if len(body) != descriptor.size:
            raise InputError(
                f"{self._content.path}: {descriptor.digest} has {len(body)} bytes, not"
                f" {descriptor.size}"
            )
        return body
