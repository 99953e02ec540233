"""copy: images from a Store to a Target.

Blobs first, each uploaded once and mounted wherever else it is needed; then the manifests that an
index names, by digest; then, once all of these are there, the image's own manifest under its tag,
which is read back. So nothing that a tag names is ever incomplete, and an image whose tags are
right already costs one request a tag.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, TypeVar

from airgap.errors import AirgapError, InputError, NetworkError, TrustError, together
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import short_repositories
from airgap.progress import Progress, count, size
from airgap.transfer.ports import Stopped, Store, Target

_PARALLEL = 16  # at the most: the target holds back the connections that do not help
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
            f"{count(self.uploaded, 'blob')} uploaded ({size(self.uploaded_bytes)}),"
            f" {self.mounted} already there or mounted, {count(len(self.tags), 'tag')} written"
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
    *,
    short_names: bool = False,
) -> Report:
    """Push images; what is there is not sent again.

    Args:
        images: what is pushed, each to its full repository ``HOST/PATH``.
        store: has their content.
        target: where to.
        progress: is told what lands.
        short_names: also push to the short repository, where no other image claims it.

    Raises:
        InputError: content is wrong, or the target refused some of it.
        NetworkError: the target failed in spite of retries; other images went on.
    """
    short = short_repositories(image.reference for image in images) if short_names else {}
    return _Push(store, target, progress, short).run(images)


class _Push:
    def __init__(
        self, store: Store, target: Target, progress: Progress, short: Mapping[str, str]
    ) -> None:
        self._store, self._target, self._progress = store, target, progress
        self._short = short
        self._lock = Lock()
        self._stop = Event()
        self._failed: dict[Digest, AirgapError] = {}
        self.report = Report()

    def run(self, images: Sequence[Image]) -> Report:
        with ThreadPoolExecutor(_PARALLEL, "push") as self._pool:
            try:
                self._run(images)
            except BaseException:
                self._stop.set()
                self._target.stop()
                self._pool.shutdown(wait=False, cancel_futures=True)
                raise
        return self.report

    def _run(self, images: Sequence[Image]) -> None:
        looked = list(self._look(images))
        landings = [landing for landing in looked if landing.missing]
        self.report.complete = len(images) - len(landings)
        self._blobs(looked)
        self._each(self._children, self._whole(landings))
        self._each(self._root, self._whole(landings))
        if self._failed:
            failed = {error.message: error for error in self._failed.values()}
            raise together(failed, f"{len(failed)} things could not be pushed")

    def _look(self, images: Sequence[Image]) -> Iterable[Landing]:
        """Find out what is there, one request for each name."""

        def look(image: Image) -> Landing:
            reference = image.reference
            names = [reference.repository, *filter(None, [self._short.get(reference.name)])]
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
        with self._failing(blob.digest):
            sent = self._target.put_blob(name, blob, lambda: self._chunks(blob), home)
            with self._lock:
                self.report.uploaded += sent
                self.report.uploaded_bytes += blob.size if sent else 0
                self.report.mounted += not sent

    def _chunks(self, blob: Descriptor) -> Iterator[memoryview]:
        for chunk in self._store.chunks(blob):
            if self._stop.is_set():
                raise Stopped
            yield chunk

    def _whole(self, landings: Sequence[Landing]) -> list[Landing]:
        """Leave out the images of which something failed."""

        def whole(image: Image) -> bool:
            return all(
                found.digest not in self._failed for found in (*image.blobs, *image.manifests)
            )

        return [landing for landing in landings if whole(landing.image)]

    def _children(self, landing: Landing) -> None:
        """Store the manifests that an image's index names, children before parents."""
        with self._failing(landing.image.root.digest):
            for name in landing.missing:
                for found in landing.image.manifests:
                    if found.digest != landing.image.root.digest:
                        self._put_manifest(name, str(found.digest), found)

    def _root(self, landing: Landing) -> None:
        """Store an image's own manifest under its tag, or its digest where it has none."""
        image, tag = landing.image, landing.image.reference.tag
        with self._failing(image.root.digest):
            for name in landing.missing:
                identifier = tag or str(image.root.digest)
                self._put_manifest(name, identifier, image.root)
                self._read_back(name, identifier, image.root.digest)
                if tag:
                    with self._lock:
                        self.report.tags.append(f"{name}:{tag}")
            self._progress.note(f"{image.reference.familiar} is there")

    def _put_manifest(self, name: str, identifier: str, found: Descriptor) -> None:
        body = self._store.manifest_bytes(found.digest)
        self._target.put_manifest(name, identifier, found, body)

    def _read_back(self, name: str, identifier: str, digest: Digest) -> None:
        there = self._target.head_manifest(name, identifier)
        if there != digest:
            raise NetworkError(
                f"{name}: the registry answers {there} for {digest}",
                hint="run the same command again; look at the registry's log",
            )

    @contextmanager
    def _failing(self, digest: Digest) -> Iterator[None]:
        """Keep a failure for the end: the other images go on."""
        try:
            yield
        except (InputError, NetworkError, TrustError) as error:
            self._failed.setdefault(digest, error)

    def _each(self, function: Callable[[_T], None], items: Sequence[_T]) -> None:
        for _ in self._pool.map(function, items):
            pass
