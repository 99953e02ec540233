"""docker_daemon: an image that a docker daemon has, from its registry where that still has it.

What was pulled or pushed keeps its digest and its compressed layers there. What only the daemon has
is exported by it.
"""

import re
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any, Protocol

from airgap.errors import InputError, NetworkError, TrustError
from airgap.oci.digest import shown
from airgap.oci.reference import Reference
from airgap.progress import Progress
from airgap.sources.export import Export
from airgap.sources.named import Named
from airgap.spec.wanted import Place

_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
_MOST_ORIGINS = 8


class Daemon(Protocol):
    """A docker daemon, or podman behind its docker socket; ResourceError where it fails."""

    def inspect(self, name: str) -> Mapping[str, Any] | None:
        """Return what ``docker image inspect`` says; None where there is no such image."""

    def check_room(self, size: int) -> None:
        """Check that the daemon has room for what it stages of an export of so many bytes."""

    def export(self, name: str) -> Generator[bytes]:
        """Give an image as ``docker save`` does."""


class Registries(Protocol):
    """Where originals may be."""

    def has(self, reference: Reference) -> bool:
        """Tell whether a manifest is there, by its digest."""


class DaemonImages:
    """The images of the daemon on this machine.

    Args:
        connect: finds it; called where the first image is asked for.
        registries: where originals may be.
        progress: is told where each image comes from.
    """

    def __init__(
        self, connect: Callable[[], Daemon], registries: Registries, progress: Progress
    ) -> None:
        self._connect, self._registries, self._progress = connect, registries, progress
        self._daemon: Daemon | None = None
        self._silent: set[str] = set()

    def name(self, place: Place) -> Reference:
        """Return what an image is called where nothing else is said.

        Raises:
            InputError: it is named by its id.
        """
        if _ID.fullmatch(place.text):
            raise InputError(
                f"{shown(str(place))} names an image by its id",
                hint=f"say what it is to be called: {place} as NAME",
            )
        return Reference.parse(place.text)

    def image(self, place: Place) -> Reference | tuple[Export, Named]:
        """Return where a registry has an image, or the image as the daemon exports it.

        Raises:
            InputError: there is no such image.
            ResourceError: the daemon failed, or has no room to stage it.
        """
        if self._daemon is None:
            self._daemon = self._connect()
        about = self._daemon.inspect(place.text)
        if about is None:
            raise InputError(
                f"{place}: the docker daemon has no such image", hint="look at docker images"
            )
        original = self._original(about)
        if original:
            self._progress.detail(f"{place} is {original} in its registry, and comes from there")
            return original
        self._daemon.check_room(_number(about.get("Size")))
        export = Export(str(place), partial(self._daemon.export, place.text))
        found = _meant(export, about)
        self._tell(place, about, found)
        return export, found

    def _original(self, about: Mapping[str, Any]) -> Reference | None:
        """Return what the image was pulled or pushed as, where it is still there."""
        told = about.get("RepoDigests")
        for text in told[:_MOST_ORIGINS] if isinstance(told, list) else []:
            try:
                reference = Reference.parse(str(text))
            except InputError:
                continue
            if not reference.digest or reference.host in ("localhost", *self._silent):
                continue
            try:
                if self._registries.has(reference):
                    return reference
            except NetworkError:
                self._silent.add(reference.host)
            except (InputError, TrustError) as error:
                self._progress.detail(f"{reference}: {error.message}")
        return None

    def _tell(self, place: Place, about: Mapping[str, Any], found: Named) -> None:
        root = str(found.root.digest)
        if root == about.get("Id"):
            self._progress.note(f"{place} comes from the daemon: no registry gives {root}")
            return
        self._progress.note(
            f"{place} comes from the daemon, whose store keeps layers uncompressed and no manifest:"
            f" it is {root}, and another digest in a registry"
        )


def _meant(export: Export, about: Mapping[str, Any]) -> Named:
    """Return the image that was asked for, of all that came."""
    by_digest = {one.root.digest: one for one in export.named}
    if len(by_digest) == 1:
        return next(iter(by_digest.values()))
    same = [one for digest, one in by_digest.items() if str(digest) == about.get("Id")]
    if not same:
        raise InputError(f"{export.path}: the daemon exports {len(by_digest)} images, not one")
    return same[0]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
