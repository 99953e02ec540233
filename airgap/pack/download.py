"""download: the blobs that a bundle misses, several at a time, straight into their places."""

from collections import defaultdict
from collections.abc import Iterable
from threading import Lock

from airgap.bundle.partial.sink import BlobSink, DigestMismatch
from airgap.bundle.writer import Writer
from airgap.errors import AirgapError, InputError, NetworkError, TrustError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import Reference
from airgap.progress import Progress
from airgap.transfer.ports import Source, Store
from airgap.transfer.stop import Stop
from airgap.transfer.workers import each

_ATTEMPTS = 2


class Download:
    """Fills a writer with blobs.

    Attributes:
        fetched: bytes that came from the source.
        reused: bytes that came from the older bundle.
        failed: the references that are not complete, and why.
    """

    def __init__(
        self, writer: Writer, source: Source, reuse: Store | None, progress: Progress
    ) -> None:
        self._writer, self._source, self._reuse = writer, source, reuse
        self._progress = progress
        self._needed: dict[Digest, list[Image]] = defaultdict(list)
        self._open: dict[Reference, set[Digest]] = {}
        self._lock = Lock()
        self._stop = Stop()
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
                    self._needed[blob.digest].append(image)
                    self._open[image.reference].add(blob.digest)
        self._progress.start("fetch", sum(blob.size for blob in missing.values()))
        try:
            self._tell_complete(list(self._open))
            # The largest first: a large blob begun last would keep one connection busy alone.
            self._fetch_all(sorted(missing.values(), key=lambda blob: -blob.size))
        finally:
            self._progress.finish()

    def _fetch_all(self, blobs: list[Descriptor]) -> None:
        self._stop.then(self._source.stop)
        for blob, error in each(self._one, blobs, self._stop).failed:
            self._fail(blob, error)

    def _one(self, blob: Descriptor) -> None:
        sink = self._writer.sink(blob)
        self._progress.advance(sink.offset)
        if self._from_reuse(blob, sink):
            self._complete(blob)
            return
        errors: list[AirgapError] = []
        for image in self._needed[blob.digest]:
            try:
                self._from_source(image.reference, blob, sink)
            except (InputError, NetworkError, TrustError) as error:
                errors.append(error)
            else:
                self._complete(blob)
                return
        raise errors[0]

    def _from_reuse(self, blob: Descriptor, sink: BlobSink) -> bool:
        if self._reuse is None or sink.offset:
            return False
        try:
            for chunk in self._reuse.chunks(blob):
                self._take(sink, chunk)
            sink.finish()
        except (InputError, DigestMismatch):
            self._again(sink)
            return False
        with self._lock:
            self.reused += blob.size
        return True

    def _from_source(self, reference: Reference, blob: Descriptor, sink: BlobSink) -> None:
        """Fetch a blob; where the bytes prove wrong, once more from the first one."""
        for _ in range(_ATTEMPTS):
            begun = sink.offset
            try:
                self._source.fetch(reference, blob, lambda c: self._take(sink, c), begun)
            finally:
                with self._lock:
                    self.fetched += max(sink.offset - begun, 0)
            try:
                sink.finish()
            except DigestMismatch as error:
                mismatch = error
                self._progress.detail(f"{reference.familiar}: {error}; fetching it again")
                self._again(sink)
            else:
                return
        raise NetworkError(
            f"{reference.familiar}: {mismatch}",
            hint="something on the way alters content: try without the proxy or mirror",
        )

    def _take(self, sink: BlobSink, chunk: memoryview) -> None:
        self._stop.check()
        sink.write(chunk)
        self._progress.advance(len(chunk))

    def _again(self, sink: BlobSink) -> None:
        self._progress.advance(-sink.offset)
        sink.restart()

    def _complete(self, blob: Descriptor) -> None:
        with self._lock:
            images = [image.reference for image in self._needed[blob.digest]]
            for reference in images:
                self._open[reference].discard(blob.digest)
            self._tell_complete(images)

    def _tell_complete(self, references: Iterable[Reference]) -> None:
        for reference in references:
            if self._open.get(reference) == set():
                del self._open[reference]
                self._progress.note(f"{reference.familiar} is complete")

    def _fail(self, blob: Descriptor, error: AirgapError) -> None:
        for image in self._needed[blob.digest]:
            self.failed.setdefault(image.reference, error)
