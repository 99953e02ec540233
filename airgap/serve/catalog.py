"""Catalog: which image answers under which name.

Everything here grows with the number of images alone: the tables of a repository are made when
it is first asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import DEFAULT_HOST, short_repositories


class Repository:
    """What is served under one name: manifests by tag and by digest, and blobs. Thread-safe.

    Args:
        images: all images of that repository, in the order of the bundle.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self._images = images

    @cached_property
    def tags(self) -> Mapping[str, Descriptor]:
        """What each tag points to, in the order of the tags."""
        found = {i.reference.tag: i.root for i in self._images if i.reference.tag}
        return dict(sorted(found.items()))

    @cached_property
    def manifests(self) -> Mapping[Digest, Descriptor]:
        """Every manifest and index that is carried."""
        return {d.digest: d for image in self._images for d in image.manifests}

    @cached_property
    def blobs(self) -> Mapping[Digest, Descriptor]:
        """Every config and layer that is carried."""
        return {
            blob.digest: blob
            for image in self._images
            for manifest in image.images
            for blob in manifest.blobs
        }


class Catalog:
    """All repositories of a bundle or layout, by name.

    Attributes:
        names: those that are listed, in their order.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self._served = repositories(images)
        self._aliases = mirrored(images, self._served)
        self.names = tuple(self._served)

    def find(self, name: str) -> Repository | None:
        """Return the repository of a name, None where there is none."""
        return self._served.get(name) or self._aliases.get(name)


def repositories(images: Iterable[Image]) -> dict[str, Repository]:
    """Give every image its full repository, and its short one where no other claims it.

    Returns:
        Repositories in the order of their names.
    """
    images = tuple(images)
    short = short_repositories(image.reference for image in images)
    grouped: dict[str, list[Image]] = {}
    for image in images:
        full = image.reference.repository
        found = grouped.get(full)
        if found is None:
            found = grouped[full] = []
            if image.reference.name in short:
                # Both names are of these images alone, so that they may share one list.
                grouped[short[image.reference.name]] = found
        found.append(image)
    made: dict[int, Repository] = {}
    return {
        name: made.setdefault(id(found), Repository(found))
        for name, found in sorted(grouped.items(), key=lambda item: item[0])
    }


def mirrored(images: Sequence[Image], served: Mapping[str, Repository]) -> dict[str, Repository]:
    """Give Docker Hub's images the names that a client of a mirror asks for.

    docker's ``registry-mirrors`` asks for ``library/nginx``, without the host. A path that an
    image of another host claims too is given to none.
    """
    taken = {i.reference.path for i in images if i.reference.host != DEFAULT_HOST} | {*served}
    return {
        image.reference.path: served[image.reference.repository]
        for image in images
        if image.reference.host == DEFAULT_HOST and image.reference.path not in taken
    }
