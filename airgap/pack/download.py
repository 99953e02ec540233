"""download: the blobs that a bundle misses, several at a time, straight into their places."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from threading import Lock

from airgap.bundle.partial.sink import BlobSink, DigestMismatch
from airgap.bundle.writer import Writer
from airgap.errors import AirgapError, InputError, NetworkError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import Reference
from airgap.pack.pieces import LARGE, Board, Job, NoParts, Piece
from airgap.progress import Progress
from airgap.transfer.ports import Parted, Pouring, Source, Store
from airgap.transfer.stop import Stop
from airgap.transfer.workers import MOST, OWN, each

_ATTEMPTS = 2
_PLACES = 4
"""How many of the references that name a blob are asked for it at the most."""


class Download:
    """Fills a writer with blobs.

    Attributes:
        fetched: bytes that came from the source.
        reused: bytes that came from the older bundle.
        failed: the references that are not complete, and why.
    """

    def __init__(
        self,
        writer: Writer,
        source: Source,
        reuse: Store | None,
        progress: Progress,
        stop: Stop,
    ) -> None:
        self._writer, self._source, self._reuse = writer, source, reuse
        self._parted = source if isinstance(source, Parted) else None
        self._pouring = source if isinstance(source, Pouring) else None
        self._progress = progress
        self._needed: dict[Digest, list[Reference]] = defaultdict(list)
        self._open: dict[Reference, set[Digest]] = {}
        self._lock = Lock()
        self._stop = stop
        self._board = Board(self._connections, self._stop, self._moved)
        self.fetched = self.reused = 0
        self.failed: dict[Reference, AirgapError] = {}

    def run(self, images: Iterable[Image]) -> None:
        """Fetch all that the writer misses of ``images``.

        Raises:
            ResourceError: the file cannot be written.
        """
        missing = {blob.digest: blob for blob in self._writer.missing()}
        for image in images:
            self._open[image.reference] = set()
            for blob in image.blobs:
                if blob.digest in missing:
                    self._needed[blob.digest].append(image.reference)
                    self._open[image.reference].add(blob.digest)
        self._progress.start("fetch", sum(blob.size for blob in missing.values()))
        try:
            self._tell_complete(list(self._open))
            self._fetch_all(list(missing.values()))
        finally:
            self._progress.finish()

    def _fetch_all(self, blobs: list[Descriptor]) -> None:
        poured: dict[Hashable, list[Job]] = defaultdict(list)
        for blob in blobs:
            sink, references = self._writer.sink(blob), self._needed[blob.digest]
            self._progress.advance(sink.held)
            at_hand = self._is_at_hand(blob, sink)
            job = Job(blob, sink, references, whole=at_hand)
            origin = self._pouring.origin(references[0]) if self._pouring and not at_hand else None
            if origin is None:
                self._board.add(job)
            else:
                poured[origin].append(job)
        several = any(blob.size > LARGE for blob in blobs)
        works: list[Callable[[], None]] = [partial(self._pour, jobs) for jobs in poured.values()]
        works += [self._work] * (MOST if several else min(MOST, len(blobs)))
        for _, error in each(
            lambda work: work(), works, self._stop, most=max(len(works), 1)
        ).failed:
            raise error

    def _pour(self, jobs: Sequence[Job]) -> None:
        """Take blobs as they come from what has them in one pass."""
        wanted = {job.blob.digest: job for job in jobs}
        reference = jobs[0].references[0]
        failure: AirgapError | None = None
        assert self._pouring is not None  # noqa: S101
        try:
            for digest, chunks in self._pouring.pour(reference, wanted):
                job = wanted[digest]
                self._forget(job.sink)
                for chunk in chunks:
                    self._stop.check()
                    job.sink.write(chunk)
                    self._moved(len(chunk))
                job.sink.finish()
                self._complete(job.blob)
        except DigestMismatch as error:
            failure = InputError(f"{reference.familiar}: {error.message}", hint="run it again")
        except OWN as error:
            failure = error
        for job in jobs:
            if not job.sink.complete:
                job.fail(failure or _gone(reference, job.blob))
                self._settle(job)

    def _work(self) -> None:
        """Fetch one piece after the other, of whatever blob, until nothing is left to begin."""
        while piece := self._board.take():
            job = piece.job
            try:
                if not self._from_reuse(piece):
                    self._from_source(piece)
            except NoParts:
                self._progress.detail(f"{job.host} does not give parts of {job.blob.digest}")
            except OWN as error:
                job.fail(error)
                self._board.withdraw(job)
            if self._board.done(piece):
                self._settle(job)

    def _from_reuse(self, piece: Piece) -> bool:
        job, sink = piece.job, piece.job.sink
        if self._reuse is None or job.wrong or not self._is_at_hand(job.blob, sink):
            return False
        try:
            for chunk in self._reuse.chunks(job.blob):
                self._stop.check()
                sink.write(chunk)
                self._progress.advance(len(chunk))
            sink.finish()
        except (InputError, DigestMismatch):
            self._forget(sink)
            return False
        with self._lock:
            self.reused += job.blob.size
        return True

    def _is_at_hand(self, blob: Descriptor, sink: BlobSink) -> bool:
        return self._reuse is not None and not sink.held and blob.digest in self._reuse

    def _from_source(self, piece: Piece) -> None:
        """Fetch a piece from the first reference that gives it, of a few.

        What a repository refuses another one of the host may give; what the host fails in, none.
        """
        job, errors, spent = piece.job, list[AirgapError](), set[str]()
        for reference in list(job.references):
            if reference.host in spent:
                continue
            piece.host = reference.host
            try:
                if self._parted and self._parted.connections(reference):
                    self._parted.fetch_part(reference, job.blob, piece)
                else:
                    self._source.fetch(reference, job.blob, piece.take, piece.at)
            except OWN as error:
                errors.append(error)
                if not isinstance(error, InputError):
                    spent.add(reference.host)
                if len(errors) == _PLACES:
                    break
            else:
                return
        raise errors[0]

    def _settle(self, job: Job) -> None:
        """Go on with a blob that nobody is at work on: it failed, or comes again, or is there."""
        if job.failed:
            for reference in self._needed[job.blob.digest]:
                self.failed.setdefault(reference, job.failed)
        elif job.interrupted:
            job.interrupted = False
            self._board.add(job)
        elif job.sink.complete or self._proved(job):
            self._complete(job.blob)

    def _proved(self, job: Job) -> bool:
        """Prove a blob; where its bytes are wrong, it is to be fetched again."""
        try:
            job.sink.finish()
        except DigestMismatch as error:
            self._wrong(job, error)
            return False
        return True

    def _wrong(self, job: Job, error: DigestMismatch) -> None:
        """Fetch a blob as a whole, once more from where it came, then from where else it may be."""
        reference = job.references[0]
        job.wrong, job.whole = job.wrong + 1, True
        if job.wrong % _ATTEMPTS == 0:
            altered = NetworkError(
                f"{reference.familiar}: {error}",
                hint="something on the way alters content: try without the proxy or mirror",
            )
            left = _PLACES - job.wrong // _ATTEMPTS
            job.references = [r for r in job.references if r.host != reference.host][:left]
            if not job.references:
                job.fail(altered)
                self._settle(job)
                return
        self._progress.detail(f"{reference.familiar}: {error}; fetching it again")
        self._forget(job.sink)
        self._board.add(job)

    def _forget(self, sink: BlobSink) -> None:
        self._progress.advance(-sink.held)
        sink.restart()

    def _connections(self, job: Job) -> int:
        return self._parted.connections(job.references[0]) if self._parted else 0

    def _moved(self, count: int) -> None:
        with self._lock:
            self.fetched += max(count, 0)
        self._progress.advance(count)

    def _complete(self, blob: Descriptor) -> None:
        with self._lock:
            references = self._needed[blob.digest]
            for reference in references:
                self._open[reference].discard(blob.digest)
            self._tell_complete(references)

    def _tell_complete(self, references: Iterable[Reference]) -> None:
        for reference in references:
            if self._open.get(reference) == set():
                del self._open[reference]
                self._progress.note(f"{reference.familiar} is complete")


def _gone(reference: Reference, blob: Descriptor) -> InputError:
    return InputError(
        f"{reference.familiar}: {blob.digest} is no longer where it was",
        hint="it was changed meanwhile: run the same command again",
    )
