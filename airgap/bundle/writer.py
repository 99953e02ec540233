"""Writer: fills a planned bundle in any order, and goes on where an earlier run was left.

The bundle grows in ``NAME.partial`` beside a journal of what it holds, and gets its name when
all of it is there. A later run keeps every finished blob, also for another plan, and the
parts of the others; all of that is hashed again. What the plan has no place for is kept where the
next run may want it.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from airgap.bundle import tar
from airgap.bundle.medium import begin_flush, write_at
from airgap.bundle.partial import file as partial_file
from airgap.bundle.partial import kept, leftovers
from airgap.bundle.partial.extents import Extents
from airgap.bundle.partial.file import mode_of, open_locked
from airgap.bundle.partial.journal import Held, Journal
from airgap.bundle.partial.sink import BlobSink
from airgap.bundle.plan import File, Plan
from airgap.errors import AirgapError, InputError
from airgap.files import inputs, outputs, refusals
from airgap.files.failures import guarded, resource_error
from airgap.files.limits import check_size, check_space
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.proof import proved

_BUFFER = 1 << 20


class Writer:
    """Writes a planned bundle; a context manager.

    Several threads may fill blobs at once. All sinks must be at rest when the context is left.
    The partial file stays where ``commit`` was not reached.

    Args:
        plan: the file to be.
        path: its name.
        secret: keep everybody else out of it.
        lacks: whether the plan lacks what an earlier or later one has: what it has no place for
            is kept for the next run.

    Attributes:
        warnings: what the medium did not do, and a person should know.
        leaves: bytes that are left for the next run, once the bundle has its name.
    """

    def __init__(
        self, plan: Plan, path: Path, *, secret: bool = False, lacks: bool = False
    ) -> None:
        self._plan, self._path, self._secret = plan, outputs.landing(path), secret
        self._lacks, self.leaves = lacks, 0
        self._leftovers: dict[Digest, Held] = {}
        self._partial = partial_of(path)
        self._what = f"cannot write {self._partial}"
        self._fd = -1
        self.warnings: list[str] = []
        self._sinks: dict[Digest, BlobSink] = {}

    def __enter__(self) -> Self:
        """Take the partial file over, with all that is of use in it.

        Raises:
            ResourceError: another run has it, the space does not suffice, or the system fails.
        """
        self._fd = open_locked(self._partial, secret=self._secret, warn=self.warnings.append)
        try:
            check_size(self._fd, self._partial, self._plan.size)
            check_space(self._fd, self._partial, self._plan.size)
            with guarded(self._what):
                self._journal = Journal(journal_of(self._partial))
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

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
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

    def replan(self, plan: Plan) -> None:
        """Go on with a plan for less; of the blobs of both, what is proved stays so.

        Raises:
            ResourceError: the file cannot be written.
        """
        blobs = {blob.digest: blob for blob in plan.blobs}
        complete = [d for d in blobs if d in self._sinks and self._sinks[d].complete]
        held = {digest: self._sinks[digest].where() for digest in complete}
        others = {
            d: sink.where() for d, sink in self._sinks.items() if sink.held and d not in blobs
        }
        self._plan, places = plan, plan.places
        with guarded(self._what):
            self._move(held, self._leftovers | others)
            self._journal.restart(
                {d: Held(places[d], held[d].ranges) for d in held} | self._leftovers
            )
        for digest in complete:
            self._sinks[digest].declare_complete()

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
        aside = self._set_aside()
        try:
            with guarded(self._what):
                os.ftruncate(self._fd, self._plan.size)
                flushed = refusals.sync(self._fd)
                self._partial.replace(outputs.landing(self._path))
                flushed = refusals.sync_folder(self._path.parent) and flushed
                self._leave(aside)
        finally:
            if aside is not None:
                os.close(aside)
        if not flushed:
            self.warnings.append(
                f"{self._path} is whole, and its medium does not say when it is flushed:"
                " unmount it before you take it away"
            )
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

    def get(self, buffer: memoryview, offset: int) -> int:
        """Read bytes from an offset of the file, for the sinks; 0 at its end.

        Raises:
            ResourceError: they cannot be read.
        """
        with guarded(f"cannot read {self._partial}"):
            return os.preadv(self._fd, [buffer], offset)

    def begin_flush(self, offset: int, count: int) -> None:
        """Let the medium begin with bytes that were written, for the sinks."""
        begin_flush(self._fd, offset, count)

    def note(self, digest: Digest, held: Held) -> None:
        """Write down which bytes of a blob are there, for the sinks.

        Raises:
            ResourceError: it cannot be written.
        """
        with guarded(self._what):
            self._journal.add(digest, held)

    def _close(self) -> None:
        self._journal.close()
        os.close(self._fd)

    def _take_over(self) -> None:
        size = os.fstat(self._fd).st_size
        noted = self._journal.read() if size else {}
        held = kept.kept(noted, self._plan.blobs, size)
        planned = {blob.digest for blob in self._plan.blobs}
        others = {d: noted[d] for d in noted if d not in planned and self._lacks}
        self._move(held, leftovers.leftovers(others, held, size))
        for digest, sha in kept.hash_all(self._fd, held, self._plan.places).items():
            self._sinks[digest].resume(held[digest], sha)
        there = {d: sink.where() for d, sink in self._sinks.items() if sink.held}
        self._journal.restart(there | self._leftovers)

    def _move(self, held: Mapping[Digest, Held], others: Mapping[Digest, Held]) -> None:
        """Bring to its place what the plan has, and behind its end what it does not have."""
        places = self._plan.places
        others, behind = leftovers.fitting(self._fd, self._partial, self._plan.size, others)
        blobs = {blob.digest: blob for blob in self._plan.blobs}
        every = {**held, **others}
        kept.relocate(self._fd, self._partial, self._journal, every, blobs, places | behind)
        self._leftovers = {d: Held(behind[d], others[d].ranges) for d in others}
        self._sinks = {d: BlobSink(self, blob, places[d]) for d, blob in blobs.items()}

    def _set_aside(self) -> int | None:
        if not self._leftovers:
            return None
        mode = mode_of(secret=self._secret)
        return leftovers.set_aside(self._fd, self._partial.parent, self._leftovers, mode)

    def _leave(self, aside: int | None) -> None:
        """Leave to the next run what was set aside, or nothing."""
        if aside is None or not leftovers.give_name(aside, self._partial):
            self._journal.path.unlink(missing_ok=True)
            return
        self._journal.restart(leftovers.moved(self._leftovers))
        self.leaves = sum(Extents(held.ranges).total for held in self._leftovers.values())

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


def check_output(path: Path) -> None:
    """Find out before any work whether a bundle can grow for that name.

    Raises:
        ResourceError: it cannot: see `airgap.files.outputs.check`, or what an earlier run seems to
            have left is not safe to take up.
    """
    outputs.check(path)
    partial_file.check(partial_of(path))
    partial_file.check(journal_of(partial_of(path)))


def journal_of(partial: Path) -> Path:
    """Return where the journal of a partial file is."""
    return partial.with_name(partial.name + ".journal")


def partial_of(path: Path) -> Path:
    """Return where a bundle of that name grows: beside the place where it lands.

    Raises:
        ResourceError: no file may be written under that name.
    """
    place = outputs.landing(path)
    return place.with_name(place.name + ".partial")


def _chunks(path: Path) -> Iterator[memoryview]:
    """Read a file piece by piece; the memory of each is reused after the next."""
    buffer = memoryview(bytearray(_BUFFER))
    with inputs.opened(path) as file:
        while count := file.readinto(buffer):
            yield buffer[:count]
