"""Writer: fills a planned bundle in any order, and goes on where an earlier run was left.

The bundle grows in ``NAME.partial`` beside a journal of what it holds, and gets its name when
all of it is there. A later run keeps every finished blob, also for another plan, and the
beginnings of the others; all of that is hashed again.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from airgap.bundle import tar
from airgap.bundle.medium import sync_folder, write_at
from airgap.bundle.partial import kept
from airgap.bundle.partial.file import check_space, open_locked
from airgap.bundle.partial.journal import Held, Journal
from airgap.bundle.plan import File, Plan
from airgap.errors import AirgapError, InputError, ResourceError
from airgap.files.failures import guarded, resource_error
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.proof import proved

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
        complete: whether all of them are there, and proved.
    """

    def __init__(self, writer: "Writer", blob: Descriptor, at: int) -> None:
        self.offset, self.complete = 0, False
        self._writer, self._blob, self._at = writer, blob, at
        self._sha = hashlib.sha256()
        self._noted = 0

    def resume(self, count: int, sha: Any) -> None:
        """Take over what an earlier run left: the first ``count`` bytes, and their hash."""
        if count < self._blob.size:
            self.offset = self._noted = count
            self._sha = sha
        elif sha.hexdigest() == self._blob.digest.hex:
            self.offset = self._noted = count
            self.complete = True

    def write(self, chunk: memoryview) -> None:
        """Take the next bytes.

        Raises:
            InputError: they are more than the blob has.
            ResourceError: they cannot be written.
        """
        end = self.offset + len(chunk)
        if end > self._blob.size:
            raise InputError(f"{self._blob.digest} has more than its {self._blob.size} bytes")
        self._writer.put(chunk, self._at + self.offset)
        self._sha.update(chunk)
        self.offset = end
        if end - self._noted >= _NOTE_EVERY:
            self.note()

    def note(self) -> None:
        """Write down how much is there, where that is news."""
        if self.offset != self._noted:
            self._writer.note(self._blob.digest, self._at, self.offset)
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
            self._writer.note(self._blob.digest, self._at, 0)
            self._noted = self.offset
            raise DigestMismatch(self._blob.digest, actual)
        self.note()
        self.complete = True


class Writer:
    """Writes a planned bundle; a context manager.

    Several threads may fill blobs at once, one thread a blob. All sinks must be at rest when the
    context is left. The partial file stays where ``commit`` was not reached.
    """

    def __init__(self, plan: Plan, path: Path, *, secret: bool = False) -> None:
        self._plan, self._path, self._secret = plan, path, secret
        self._partial = path.with_name(path.name + ".partial")
        self._what = f"cannot write {self._partial}"
        self._fd = -1
        self._sinks: dict[Digest, BlobSink] = {}

    def __enter__(self) -> Self:
        """Take the partial file over, with all that is of use in it.

        Raises:
            ResourceError: another run has it, the space does not suffice, or the system fails.
        """
        if self._path.is_dir():
            raise ResourceError(f"{self._path} is a folder", hint="name a file with -o FILE")
        self._fd = open_locked(self._partial, secret=self._secret)
        try:
            check_space(self._fd, self._partial, self._plan.size)
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
            for sink in self._sinks.values():
                sink.note()
        except AirgapError:
            if kind is None:
                raise
        finally:
            self._close()

    def missing(self) -> list[Descriptor]:
        """Return the blobs that are not complete, in the order of the file."""
        return [blob for blob in self._plan.blobs if not self._sinks[blob.digest].complete]

    def sink(self, blob: Descriptor) -> BlobSink:
        """Return what takes a missing blob."""
        return self._sinks[blob.digest]

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

    def note(self, digest: Digest, at: int, count: int) -> None:
        """Write down how much of a blob is there, for the sinks.

        Raises:
            ResourceError: it cannot be written.
        """
        with guarded(self._what):
            self._journal.add(digest, at, count)

    def _close(self) -> None:
        self._journal.close()
        os.close(self._fd)

    def _take_over(self) -> None:
        size, places = os.fstat(self._fd).st_size, self._plan.places
        blobs = {blob.digest: blob for blob in self._plan.blobs}
        held = kept.kept(self._journal, blobs.values(), size, fresh=not size)
        kept.relocate(self._fd, self._partial, self._journal, held, blobs, places)
        self._sinks = {d: BlobSink(self, blob, places[d]) for d, blob in blobs.items()}
        for digest, sha in kept.hash_all(self._fd, held, places).items():
            self._sinks[digest].resume(held[digest].count, sha)
        there = {digest: sink.offset for digest, sink in self._sinks.items() if sink.offset}
        self._journal.restart({d: Held(places[d], count) for d, count in there.items()})

    def _write_contents(self) -> None:
        for at, data, _ in tar.gaps(self._plan.members):
            self.put(data, at)
        for member in self._plan.members:
            content = self._plan.contents.get(member.name)
            if isinstance(content, bytes):
                self.put(content, member.at)
            elif content is not None:
                self._copy(content, member.at)

    def _copy(self, source: File, at: int) -> None:
        """Copy a file into its place; it must still be what was planned."""
        changed = InputError(
            f"{source.path} changed while it was packed", hint="run the same command again"
        )
        for chunk in proved(_chunks(source.path), source.size, source.digest, lambda: changed):
            self.put(chunk, at)
            at += len(chunk)


def _chunks(path: Path) -> Iterator[memoryview]:
    """Read a file piece by piece; the memory of each is reused after the next."""
    buffer = memoryview(bytearray(_BUFFER))
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                yield buffer[:count]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
