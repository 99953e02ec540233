"""push: images from a Store to a Target.

Blobs first, each uploaded to one repository and mounted wherever else it is needed; then, for
each image, the manifests that its index names, by digest, and its own manifest under its tag,
which is read back. So nothing that a tag names is ever incomplete, and an image whose tags are
right already costs one request a tag.

A failure is the affair of one blob in one repository: an image whose own repository takes it lands
whatever becomes of the others. A repository is asked for one blob first, so that one which refuses
is not asked for all that its images hold.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock

from airgap.errors import AirgapError, InputError, NetworkError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.progress import Progress
from airgap.transfer import attached, sparse
from airgap.transfer.landing import Landing, Names, Needs, Put, landings
from airgap.transfer.ports import Store, Target
from airgap.transfer.report import Failure, Report
from airgap.transfer.stop import Stop
from airgap.transfer.workers import OWN, each

_VISIBLE_SECONDS = (0.5, 1.0, 2.0, 4.0, 4.0)
"""Waits before a tag that is not readable yet is asked for again: registries have replicas."""


def push(
    images: Sequence[Image],
    store: Store,
    target: Target,
    progress: Progress,
    *,
    names: Names | None = None,
    stop: Stop | None = None,
) -> Report:
    """Push images; what is there is not sent again.

    Args:
        images: what is pushed.
        store: has their content.
        target: where to.
        progress: is told what lands.
        names: to which repositories; each to its full one, ``HOST/PATH``, where not given.
        stop: ends the run; the target should have the same.

    Returns:
        What was done, and what failed; an error that is everybody's, such as a full registry, has
        failed every image that is not there.

    Raises:
        Stopped: somebody set ``stop``.
    """
    run = _Push(store, target, progress, stop or Stop())
    wanted = landings(images, names)
    try:
        run.run(wanted)
    except AirgapError as error:
        run.refuse(wanted, error)
    return run.report(images, wanted)


class _Push:
    """One push, from looking what is there to the last tag."""

    def __init__(self, store: Store, target: Target, progress: Progress, stop: Stop) -> None:
        self._store, self._target, self._progress, self._stop = store, target, progress, stop
        self._needs = Needs((), store)
        self._homes: dict[Digest, str] = {}
        self._asked: set[str] = set()
        self._present: set[Landing] = set()
        self._manifests: set[tuple[Digest, str]] = set()
        self._lock = Lock()
        self._report = Report()
        self._landed: set[Landing] = set()
        self._failed: dict[Landing, AirgapError] = {}

    def run(self, landings: Sequence[Landing]) -> None:
        missing = self._look_up(landings)
        self._needs = Needs(missing, self._store)
        blobs = [blob for blob in self._needs.blobs if blob.digest not in self._homes]
        self._progress.start("push", sum(blob.size for blob in blobs))
        try:
            self._put_all(
                self._upload, [Put(blob, self._needs.repositories(blob)[0]) for blob in blobs]
            )
            self._put_all(self._mount, list(self._mounts()))
        finally:
            self._progress.finish()
        # What is attached comes after what it is attached to: some registries refuse it before.
        for is_attached in (False, True):
            open_now = [x for x in missing if self._is_open(x) and x.image.attached == is_attached]
            each(self._land, open_now, self._stop)

    def refuse(self, landings: Iterable[Landing], error: AirgapError) -> None:
        """Take note that landings failed, where they are not there and have not failed before."""
        with self._lock:
            for landing in landings:
                if landing not in self._landed:
                    self._failed.setdefault(landing, error)

    def report(self, images: Sequence[Image], landings: Sequence[Landing]) -> Report:
        found = self._report
        own = [x for x in landings if not x.image.attached]
        begun = {x.image.reference for x in own if x not in self._present}
        found.images = sum(not image.attached for image in images)
        found.complete = found.images - len(begun)
        found.failed = [
            Failure(x.image.reference, f"{self._target.address}/{x.name}", self._failed[x])
            for x in landings
            if x in self._failed
        ]
        return found

    def _is_open(self, landing: Landing) -> bool:
        return landing not in self._failed

    def _look_up(self, landings: Sequence[Landing]) -> list[Landing]:
        """Find out what is there, one request for each name; returns what is not."""
        outcome = each(self._look, landings, self._stop)
        for landing, error in outcome.failed:
            self.refuse([landing], error)
        missing = []
        for landing, found in outcome.done:
            if found == landing.image.root.digest:
                for blob in landing.image.blobs:
                    self._homes.setdefault(blob.digest, landing.repository)
            elif found is not None and not landing.is_own:
                self._progress.warn(f"{landing.name} exists with another digest and is not moved")
                self._report.left_alone.append(landing.name)
            else:
                missing.append(landing)
                continue
            self._present.add(landing)
            self._landed.add(landing)
        return missing

    def _look(self, landing: Landing) -> Digest | None:
        """Ask for what a name stands for; where that is not told, what is put will decide."""
        try:
            if attached.is_list(landing.image):
                is_there = attached.is_there(self._target, self._store, landing)
                return landing.image.root.digest if is_there else None
            return self._target.find_manifest(landing.repository, landing.identifier)
        except InputError as error:
            self._progress.detail(f"{landing.name}: {error.message}; it is pushed")
            return None

    def _put_all(self, function: Callable[[Put], None], puts: Sequence[Put]) -> None:
        """Put blobs: the smallest of each new repository first, then the largest first.

        A large blob begun last would keep one connection busy alone.
        """
        puts = sorted(puts, key=lambda put: -put.blob.size)
        first = {put.repository: put for put in puts if put.repository not in self._asked}
        each(function, first.values(), self._stop)
        asked = set(first.values())
        each(function, [put for put in puts if put not in asked], self._stop)

    def _upload(self, put: Put) -> None:
        """Bring a blob into the first repository that takes it."""
        for repository in self._needs.repositories(put.blob):
            if self._put(Put(put.blob, repository)):
                self._homes[put.blob.digest] = repository
                break
        self._progress.advance(put.blob.size)

    def _mounts(self) -> Iterator[Put]:
        for blob in self._needs.blobs:
            home = self._homes.get(blob.digest)
            for repository in self._needs.repositories(blob) if home else ():
                if repository != home:
                    yield Put(blob, repository, home or "")

    def _mount(self, put: Put) -> None:
        self._put(put)

    def _put(self, put: Put) -> bool:
        """Make a blob be in a repository, where somebody still needs it there; tells whether."""
        waiting = self._needs.of(put.blob, put.repository)
        if not any(map(self._is_open, waiting)):
            return False
        self._asked.add(put.repository)
        try:
            sent = self._target.put_blob(
                put.repository, put.blob, lambda: self._chunks(put.blob), put.origin
            )
        except OWN as error:
            self.refuse(waiting, error)
            return False
        with self._lock:
            self._report.uploaded += sent
            self._report.uploaded_bytes += put.blob.size if sent else 0
            self._report.mounted += not sent
        return True

    def _chunks(self, blob: Descriptor) -> Iterator[memoryview]:
        try:
            for chunk in self._store.chunks(blob):
                self._stop.check()
                yield chunk
        except InputError as error:
            self.refuse(self._needs.of(blob), error)  # no other repository will fare better
            raise

    def _land(self, landing: Landing) -> None:
        try:
            self._put_manifests(landing)
        except OWN as error:
            self.refuse([landing], error)
            return
        with self._lock:
            self._landed.add(landing)
            if landing.image.reference.tag:
                self._report.tags.append(landing.name)
        if landing.is_own:
            self._progress.note(f"{landing.image.reference.familiar} is there")

    def _put_manifests(self, landing: Landing) -> None:
        """Store what an image's index names, children before parents; then its own manifest."""
        image, repository = landing.image, landing.repository
        for found in image.manifests:
            if found.digest == image.root.digest or (found.digest, repository) in self._manifests:
                continue
            self._put_manifest(landing, str(found.digest), found)
            self._manifests.add((found.digest, repository))
        if attached.is_list(image):
            attached.put(self._target, self._store, landing, self._stop)
            return
        self._put_manifest(landing, landing.identifier, image.root)
        self._read_back(landing)

    def _put_manifest(self, landing: Landing, identifier: str, found: Descriptor) -> None:
        body = self._store.manifest_bytes(found.digest)
        try:
            self._target.put_manifest(landing.repository, identifier, found, body)
        except InputError as error:
            lacking = sparse.explained(error, landing.image, found, self._store)
            if lacking:
                raise lacking from error
            raise

    def _read_back(self, landing: Landing) -> None:
        """Ask for what was put; a registry that does not tell has said so when it took it."""
        digest = landing.image.root.digest
        for number, seconds in enumerate((0, *_VISIBLE_SECONDS)):
            if number:
                self._stop.wait(seconds)
            try:
                found = self._target.find_manifest(
                    landing.repository, landing.identifier, doubt=number > 0
                )
            except InputError as error:
                self._progress.detail(f"{landing.name}: {error.message}; it was taken")
                return
            if found == digest:
                return
        raise NetworkError(
            f"{landing.name} was taken, and still is {found or 'not there'} after"
            f" {sum(_VISIBLE_SECONDS):.0f} s; it should be {digest}",
            hint="run the same command again; look at the registry's log",
        )
