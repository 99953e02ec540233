"""copy: images from a Store to a Target.

Blobs first, each uploaded once and mounted wherever else it is needed; then manifests by digest,
children before parents; then every digest is read back; tags last of all. So nothing that a tag
names is ever incomplete, and an image whose tags are right already costs one request a tag.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, TypeVar

from airgap.errors import AirgapError, InputError, NetworkError
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.manifest import Descriptor
from airgap.oci.ports import Store, Target
from airgap.oci.reference import short_repositories
from airgap.progress import Progress

_PARALLEL = 4
_T = TypeVar("_T")


@dataclass
class Report:
    """What a push did; sizes in bytes.

    Attributes:
        uploaded: blobs sent, and ``uploaded_bytes`` together.
        mounted: blobs that the target had, mounted or left where they were.
        complete: images that were there already, tags and all.
        tags: tags written.
        left_alone: short tags that exist with another digest, and were not moved.
    """

    uploaded: int = 0
    uploaded_bytes: int = 0
    mounted: int = 0
    complete: int = 0
    tags: list[str] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the report as ``--json`` prints it."""
        return {
            "uploaded_blobs": self.uploaded,
            "uploaded_bytes": self.uploaded_bytes,
            "mounted_blobs": self.mounted,
            "complete_images": self.complete,
            "tags": self.tags,
            "left_alone": self.left_alone,
        }

    def summary(self) -> str:
        """Say it in one line."""
        if not self.uploaded and not self.tags:
            return "all were there already: 0 blobs uploaded"
        return (
            f"{self.uploaded} blobs uploaded ({self.uploaded_bytes / 1e6:.1f} MB),"
            f" {self.mounted} already there or mounted, {len(self.tags)} tags written"
        )


@dataclass(frozen=True, slots=True)
class Landing:
    """An image, and under which of its names it is not there yet.

    Attributes:
        image: which.
        present: its repositories that have it already.
        missing: its repositories, the full one first, that lack the tag (or, where there is none,
            the digest).
    """

    image: Image
    present: tuple[str, ...]
    missing: tuple[str, ...]


def push(
    images: Sequence[Image],
    store: Store,
    target: Target,
    progress: Progress,
    parallel: int = _PARALLEL,
) -> Report:
    """Push images; what is there is not sent again.

    Raises:
        InputError: content is wrong, or the target refused some of it.
        NetworkError: the target failed in spite of retries; other images went on.
    """
    return _Push(store, target, progress, parallel).run(images)


class _Push:
    def __init__(self, store: Store, target: Target, progress: Progress, parallel: int) -> None:
        self._store, self._target, self._progress = store, target, progress
        self._parallel = parallel
        self._lock = Lock()
        self._stop = Event()
        self._failed: dict[Digest, AirgapError] = {}
        self.report = Report()

    def run(self, images: Sequence[Image]) -> Report:
        with ThreadPoolExecutor(self._parallel, "push") as self._pool:
            try:
                self._run(images)
            except BaseException:
                self._stop.set()
                self._pool.shutdown(wait=False, cancel_futures=True)
                raise
        return self.report

    def _run(self, images: Sequence[Image]) -> None:
        looked = list(self._look(images))
        landings = [landing for landing in looked if landing.missing]
        self.report.complete = len(images) - len(landings)
        self._blobs(looked)
        landings = self._whole(landings)
        self._each(self._manifests, landings)
        landings = self._whole(landings)
        self._each(self._tag, landings)
        if self._failed:
            raise _together(self._failed.values())

    def _look(self, images: Sequence[Image]) -> Iterable[Landing]:
        """Find out what is there, one request for each name."""
        short = short_repositories(image.reference for image in images)

        def look(image: Image) -> Landing:
            reference = image.reference
            names = [reference.repository, *filter(None, [short.get(reference.name)])]
            identifier = reference.tag or str(image.root.digest)
            present: list[str] = []
            missing: list[str] = []
            for name in names:
                found = self._target.head_manifest(name, identifier)
                if found is not None and found != image.root.digest and name != names[0]:
                    self._leave_alone(f"{name}:{identifier}")
                else:
                    (present if found == image.root.digest else missing).append(name)
            return Landing(image, tuple(present), tuple(missing))

        return self._pool.map(look, images)

    def _leave_alone(self, tag: str) -> None:
        self._progress.warn(f"{tag} exists with another digest and is not moved")
        with self._lock:
            self.report.left_alone.append(tag)

    def _blobs(self, landings: Sequence[Landing]) -> None:
        """Upload each blob to one repository, unless one has it, and mount it into the others."""
        there = {
            blob.digest: landing.present[0]
            for landing in landings
            if landing.present
            for blob in landing.image.blobs
        }
        homes: dict[Digest, tuple[Descriptor, str]] = {}
        others: dict[tuple[Descriptor, str], str] = {}
        for landing in landings:
            for blob in landing.image.blobs:
                if blob.is_foreign and blob.digest not in self._store:
                    continue  # it may stay where its urls say
                for name in landing.missing:
                    home = there.get(blob.digest)
                    home = home or homes.setdefault(blob.digest, (blob, name))[1]
                    if home != name:
                        others[blob, name] = home
        self._progress.start("push", sum(blob.size for blob, _ in homes.values()))
        try:
            # The largest first: a large blob begun last would keep one connection busy alone.
            self._each(self._upload, sorted(homes.values(), key=lambda found: -found[0].size))
            self._each(self._mount, [(blob, name, home) for (blob, name), home in others.items()])
        finally:
            self._progress.finish()

    def _upload(self, upload: tuple[Descriptor, str]) -> None:
        blob, name = upload
        self._put(blob, name, "")
        self._progress.advance(blob.size)

    def _mount(self, mount: tuple[Descriptor, str, str]) -> None:
        blob, name, home = mount
        if blob.digest not in self._failed:
            self._put(blob, name, home)

    def _put(self, blob: Descriptor, name: str, home: str) -> None:
        try:
            sent = self._target.put_blob(name, blob, lambda: self._chunks(blob), home)
        except (InputError, NetworkError) as error:
            self._failed.setdefault(blob.digest, error)
            return
        with self._lock:
            self.report.uploaded += sent
            self.report.uploaded_bytes += blob.size if sent else 0
            self.report.mounted += not sent

    def _chunks(self, blob: Descriptor) -> Iterator[memoryview]:
        for chunk in self._store.chunks(blob):
            if self._stop.is_set():
                raise _Stopped
            yield chunk

    def _whole(self, landings: Sequence[Landing]) -> list[Landing]:
        """Leave out the images of which something failed."""

        def whole(image: Image) -> bool:
            return all(
                found.digest not in self._failed for found in (*image.blobs, *image.manifests)
            )

        return [landing for landing in landings if whole(landing.image)]

    def _manifests(self, landing: Landing) -> None:
        """Store an image's manifests by digest, children first, and read the root back."""
        image = landing.image
        try:
            for name in landing.missing:
                for found in image.manifests:
                    body = self._store.manifest_bytes(found.digest)
                    self._target.put_manifest(name, str(found.digest), found, body)
                self._read_back(name, image.root.digest)
        except (InputError, NetworkError) as error:
            self._failed.setdefault(image.root.digest, error)

    def _read_back(self, name: str, digest: Digest) -> None:
        there = self._target.head_manifest(name, str(digest))
        if there != digest:
            raise NetworkError(
                f"{name}: the registry answers {there} for {digest}",
                hint="run the same command again; look at the registry's log",
            )

    def _tag(self, landing: Landing) -> None:
        image, tag = landing.image, landing.image.reference.tag
        try:
            for name in landing.missing if tag else ():
                body = self._store.manifest_bytes(image.root.digest)
                self._target.put_manifest(name, tag, image.root, body)
                with self._lock:
                    self.report.tags.append(f"{name}:{tag}")
        except (InputError, NetworkError) as error:
            self._failed.setdefault(image.root.digest, error)
        else:
            self._progress.note(f"{image.reference.familiar} is there")

    def _each(self, function: Callable[[_T], None], items: Sequence[_T]) -> None:
        for _ in self._pool.map(function, items):
            pass


class _Stopped(Exception):  # noqa: N818  (nothing went wrong: another thread did)
    """Ends a transfer because the run ends."""


def _together(errors: Iterable[AirgapError]) -> AirgapError:
    """Join failures into one error; any failure of the network makes it one."""
    found = list({error.message: error for error in errors}.values())
    kind = NetworkError if any(isinstance(e, NetworkError) for e in found) else InputError
    if len(found) == 1:
        return kind(found[0].message, hint=found[0].hint)
    lines = [f"{len(found)} things could not be pushed", *(f"  {e.message}" for e in found)]
    return kind("\n".join(lines), hint=found[0].hint)
