"""Writer: fills a planned bundle in any order, and goes on where an earlier run was left.

The bundle grows in ``NAME.partial`` beside a journal of what it holds, and gets its name when
all of it is there. A later run keeps every finished blob, also for another plan, and the
beginnings of the others; all of that is hashed again.
"""

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from airgap.bundle import partial, tar
from airgap.bundle.files import guarded, resource_error, sync_folder, write_at
from airgap.bundle.journal import Held, Journal
from airgap.bundle.plan import Plan
from airgap.errors import AirgapError, InputError, ResourceError
from airgap.oci.digest import Digest
from airgap.oci.manifest import Descriptor

_NOTE_EVERY = 8 << 20
_BUFFER = 1 << 20


class DigestMismatch(AirgapError):  # noqa: N818  (named for what it says)
    """The bytes of a blob are not those of its digest.

    Attributes:
        expected: what the blob is called.
        actual: what its bytes are.
    """

    exit_code = 5

    def __init__(self, expected: Digest, actual: Digest) -> None:
        super().__init__(
            f"expected {expected}, got {actual}",
            hint="something on the way alters content: try another network or mirror",
        )
        self.expected, self.actual = expected, actual


class BlobSink:
    """Takes one blob, from its first missing byte to its last; for one thread.

    Attributes:
        offset: the number of bytes that are there, and hashed.
    """

    def __init__(self, writer: "Writer", blob: Descriptor, at: int, offset: int, sha: Any) -> None:
        self.offset = offset
        self._writer, self._blob, self._at, self._sha = writer, blob, at, sha
        self._noted = offset

    def write(self, chunk: memoryview) -> None:
        """Take the next bytes.

        Raises:
            InputError: they are more than the blob has.
            ResourceError: they cannot be written.
        """
        end = self.offset + len(chunk)
        if end > self._blob.size:
            raise InputError(f"{self._blob.digest} has more than its {self._blob.size} bytes")
        self._sha.update(chunk)
        self._writer.put(chunk, self._at + self.offset)
        self.offset = end
        if end - self._noted >= _NOTE_EVERY:
            self.note()

    def note(self) -> None:
        """Write down how much is there."""
        self._writer.note(self._blob.digest, self.offset)
        self._noted = self.offset

    def restart(self) -> None:
        """Begin again at the first byte."""
        self.offset = 0
        self._sha = hashlib.sha256()
        self.note()

    def finish(self) -> None:
        """Declare the blob complete.

        Raises:
            DigestMismatch: its bytes are not those of its digest; they are not kept.
        """
        actual = Digest("sha256", self._sha.hexdigest())
        if actual != self._blob.digest or self.offset != self._blob.size:
            self._writer.note(self._blob.digest, 0)
            raise DigestMismatch(self._blob.digest, actual)
        self._writer.complete(self._blob)


class Writer:
    """Writes a planned bundle; a context manager.

    Several threads may fill blobs at once, one thread a blob. All sinks must be at rest when the
    context is left. The partial file stays where ``commit`` was not reached.
    """

    def __init__(self, plan: Plan, path: Path, *, secret: bool = False) -> None:
        self._plan, self._path, self._secret = plan, path, secret
        self._partial = path.with_name(path.name + ".partial")
        self._places = plan.places
        self._what = f"cannot write {self._partial}"
        self._fd = -1
        self._held: dict[Digest, Held] = {}
        self._hashes: dict[Digest, Any] = {}
        self._done: set[Digest] = set()
        self._sinks: dict[Digest, BlobSink] = {}

    def __enter__(self) -> Self:
        """Take the partial file over, with all that is of use in it.

        Raises:
            ResourceError: another run has it, the space does not suffice, or the system fails.
        """
        if self._path.is_dir():
            raise ResourceError(f"{self._path} is a folder", hint="name a file with -o FILE")
        self._fd = partial.open_locked(self._partial, secret=self._secret)
        try:
            partial.check_space(self._fd, self._partial, self._plan.size)
            with guarded(self._what):
                self._journal = Journal(self._partial.with_name(self._partial.name + ".journal"))
        except BaseException:
            os.close(self._fd)
            raise
        try:
            with guarded(self._what):
                self._take_over()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Note what is there, and let the partial file go."""
        try:
            for digest, sink in self._sinks.items():
                if digest not in self._done and sink.offset:
                    sink.note()
        except AirgapError:
            if kind is None:
                raise
        finally:
            self._close()

    def missing(self) -> list[Descriptor]:
        """Return the blobs that are not complete, in the order of the file."""
        return [blob for blob in self._plan.blobs if blob.digest not in self._done]

    def sink(self, blob: Descriptor) -> BlobSink:
        """Return what takes a missing blob."""
        sha = self._hashes.pop(blob.digest, None) or hashlib.sha256()
        held = self._held.pop(blob.digest, Held(0, 0))
        sink = BlobSink(self, blob, self._places[blob.digest], held.count, sha)
        self._sinks[blob.digest] = sink
        return sink

    def commit(self) -> Digest:
        """Write all that is not blobs, and give the bundle its name; return its digest.

        Raises:
            InputError: a blob is missing, or a file changed since it was planned.
            ResourceError: the file cannot be written.
        """
        if missing := self.missing():
            raise InputError(
                f"the bundle is not complete: {len(missing)} blobs are missing, "
                f"the first is {missing[0].digest}"
            )
        self._write_contents()
        with guarded(self._what):
            os.ftruncate(self._fd, self._plan.size)
            os.fsync(self._fd)
            self._partial.replace(self._path)
            sync_folder(self._path)
            self._journal.path.unlink(missing_ok=True)
        return self._plan.digest

    def put(self, data: bytes | memoryview, offset: int) -> None:
        """Write bytes at an offset of the file, for the sinks.

        Raises:
            ResourceError: they cannot be written.
        """
        try:
            write_at(self._fd, data, offset)
        except OSError as error:
            raise resource_error(error, self._what) from error

    def note(self, digest: Digest, count: int) -> None:
        """Write down how much of a blob is there, for the sinks.

        Raises:
            ResourceError: it cannot be written.
        """
        with guarded(self._what):
            self._journal.add(digest, self._places[digest], count)

    def complete(self, blob: Descriptor) -> None:
        """Take a proved blob into account, for the sinks."""
        self.note(blob.digest, blob.size)
        self._done.add(blob.digest)

    def _close(self) -> None:
        self._journal.close()
        os.close(self._fd)

    def _take_over(self) -> None:
        size = os.fstat(self._fd).st_size
        blobs = {blob.digest: blob for blob in self._plan.blobs}
        held = partial.kept(self._journal, blobs.values(), size, fresh=not size)
        partial.relocate(self._fd, self._partial, self._journal, held, blobs, self._places)
        hashes = partial.hash_all(self._fd, held, self._places)
        for digest, blob in blobs.items():
            complete = digest in held and held[digest].count == blob.size
            if complete and hashes[digest].hexdigest() == digest.hex:
                self._done.add(digest)
            elif digest in held and not complete:
                self._held[digest], self._hashes[digest] = held[digest], hashes[digest]
        kept = self._done | self._held.keys()
        self._journal.restart({d: Held(self._places[d], held[d].count) for d in kept})

    def _write_contents(self) -> None:
        for at, data, _ in tar.gaps(self._plan.members):
            self.put(data, at)
        for member in self._plan.members:
            content = self._plan.contents.get(member.name)
            if isinstance(content, bytes):
                self.put(content, member.at)
            elif content is not None:
                self._copy(content, member)

    def _copy(self, source: Path, member: tar.Member) -> None:
        """Copy a file into its place; it must still be what was planned."""
        running, offset = hashlib.sha256(), 0
        try:
            with source.open("rb") as file:
                while chunk := file.read(_BUFFER):
                    if offset + len(chunk) > member.size:
                        raise _changed(source)
                    running.update(chunk)
                    self.put(chunk, member.at + offset)
                    offset += len(chunk)
        except OSError as error:
            raise InputError(f"cannot read {source}: {error.strerror}") from error
        if f"{running.hexdigest()}  {member.name}\n".encode("ascii") not in self._plan.sums:
            raise _changed(source)


def _changed(source: Path) -> InputError:
    return InputError(f"{source} changed while it was packed", hint="run the same command again")
