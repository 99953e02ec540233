"""pieces: who fetches which bytes next; bookkeeping alone, nothing is fetched here.

Whoever comes free takes from the largest rest. A blob of up to 32 MiB is one piece. What nobody
has begun of a larger one is given out from its front, so that the hash can follow closely: large
pieces while much is left, 8 MiB near the end. Where all is begun, half of what is left of the
largest piece under way is taken from it.

Nobody knows whether a host gives parts of a blob before it was asked for one: until it has
answered, one piece of each blob is under way there. Where it gives none, that piece becomes all
of the rest.
"""

import heapq
import threading
from collections.abc import Callable, Sequence

from airgap.bundle.partial.extents import Range
from airgap.bundle.partial.sink import BlobSink
from airgap.errors import AirgapError
from airgap.oci.descriptor import Descriptor
from airgap.oci.reference import Reference
from airgap.transfer.stop import Stop

GRAIN = 8 << 20
"""The smallest piece that is worth a request."""
LARGE = 32 << 20
"""A blob with more bytes than that is fetched in pieces."""
SPREAD = 1 << 30
"""How far apart the pieces under way may lie, so that what is read back is still in memory."""


class NoParts(Exception):  # noqa: N818  (nothing went wrong here)
    """Ends the fetch of a piece: its host gives the blob as a whole."""


class Job:
    """One blob that is missing.

    Attributes:
        blob: which.
        sink: takes it.
        references: where it may come from, the best first.
        whole: one connection fetches it, from the first missing byte to the end.
        pieces: what is under way.
        interrupted: its pieces were ended, to fetch what is missing as a whole.
        wrong: how often its bytes were not those of its digest.
        failed: what went wrong first, and for good.
    """

    def __init__(
        self, blob: Descriptor, sink: BlobSink, references: Sequence[Reference], *, whole: bool
    ) -> None:
        self.blob, self.sink, self.references = blob, sink, list(references)
        self.whole = whole or blob.size <= LARGE
        self.pieces: list[Piece] = []
        self.interrupted = False
        self.wrong = 0
        self.failed: AirgapError | None = None
        self.gaps: list[Range] = []

    def fail(self, error: AirgapError) -> None:
        """Give it up."""
        self.failed = self.failed or error

    @property
    def host(self) -> str:
        """Where its pieces come from."""
        return self.references[0].host

    @property
    def rest(self) -> int:
        """How many bytes nobody has begun."""
        return sum(end - start for start, end in self.gaps)


class Piece:
    """Bytes of a blob that one connection fetches; implements Part.

    Attributes:
        job: the blob that it is a piece of.
        at: the next byte.
        end: the byte after the last one; it may come nearer.
        host: where it is being fetched from.
    """

    def __init__(self, board: "Board", job: Job, at: int, end: int) -> None:
        self._board, self.job, self.at, self.end = board, job, at, end
        self.host = job.host

    @property
    def left(self) -> int:
        """How many bytes it waits for."""
        return self.end - self.at

    def answered(self, *, parts: bool) -> None:
        """Learn what the host gives; see `airgap.transfer.ports.Part.answered`.

        Raises:
            NoParts: whole blobs, and this piece cannot become one.
        """
        self._board.learn(self, parts=parts)

    def take(self, chunk: memoryview) -> None:
        """Take the next bytes, up to the end."""
        count, start = self._board.advance(self, len(chunk))
        if count:
            self.job.sink.write(chunk[:count], start)


class Board:
    """All that is missing, and who is at work on it. Thread-safe.

    Args:
        connections: how many pieces of a job may be worth fetching at a time.
        stop: ends the waits.
        moved: is told how many bytes came; negative where they are to come again.
    """

    def __init__(
        self, connections: Callable[[Job], int], stop: Stop, moved: Callable[[int], None]
    ) -> None:
        self._connections, self._stop, self._moved = connections, stop, moved
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int, Job]] = []
        self._under_way: set[Piece] = set()
        self._gives_parts: dict[str, bool] = {}
        self._rest = self._number = 0
        stop.then(self._wake)

    def add(self, job: Job) -> None:
        """Put up a blob, or what is missing of one that nobody is at work on."""
        with self._changed:
            if job.whole:
                self._moved(-job.sink.keep_front())
            # Nothing is missing of an empty blob, and somebody has to say so.
            self._leave(job, job.sink.gaps() or [(job.blob.size, job.blob.size)])
            self._put(job)
            self._changed.notify_all()

    def take(self) -> Piece | None:
        """Return what to fetch next; None where nothing is left to begin.

        Raises:
            Stopped: the run ends.
        """
        with self._changed:
            while True:
                self._stop.check()
                if piece := self._begin() or self._steal():
                    self._under_way.add(piece)
                    piece.job.pieces.append(piece)
                    return piece
                # What is left of these waits for the host's first answer.
                if not any(piece.job.gaps for piece in self._under_way):
                    return None
                self._changed.wait()

    def done(self, piece: Piece) -> bool:
        """Take back a piece whose fetch has ended; True where its blob waits for no other."""
        with self._changed:
            self._under_way.discard(piece)
            piece.job.pieces.remove(piece)
            self._changed.notify_all()
            return not piece.job.pieces and not piece.job.gaps

    def withdraw(self, job: Job) -> None:
        """End all work on a blob: its pieces take nothing any more."""
        with self._changed:
            self._leave(job, [])
            for piece in job.pieces:
                piece.end = piece.at

    def learn(self, piece: Piece, *, parts: bool) -> None:
        """Take note of what a host gives; see `Piece.answered`."""
        job = piece.job
        with self._changed:
            known = self._gives_parts.get(piece.host)
            self._gives_parts[piece.host] = parts
            if parts and known is None:
                for other in {one.job for one in self._under_way}:
                    self._put(other)
            self._changed.notify_all()
            if parts or job.whole:
                return
            job.whole = True
            if job.pieces == [piece] and piece.at == job.sink.offset:
                self._leave(job, [])
                self._moved(-job.sink.keep_front())
                piece.end = job.blob.size
                return
            job.interrupted = True
            self.withdraw(job)
            raise NoParts

    def advance(self, piece: Piece, count: int) -> tuple[int, int]:
        """Let a piece take the next bytes; return how many of them, and where they begin."""
        self._stop.check()
        with self._changed:
            start = piece.at
            piece.at += min(count, piece.left)
            count = piece.at - start
        self._moved(count)
        return count, start

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _put(self, job: Job) -> None:
        if job.gaps:
            self._number += 1
            heapq.heappush(self._waiting, (-job.rest, self._number, job))

    def _leave(self, job: Job, gaps: list[Range]) -> None:
        """Set what nobody has begun of a blob."""
        self._rest -= job.rest
        job.gaps = gaps
        self._rest += job.rest

    def _begin(self) -> Piece | None:
        """Take from the largest rest that may be begun."""
        while self._waiting:
            job = heapq.heappop(self._waiting)[2]
            known = self._gives_parts.get(job.host)
            if not job.gaps or (known is None and job.pieces):
                continue
            if known is False and not job.pieces and not job.whole:
                job.whole = True
                self._moved(-job.sink.keep_front())
                self._leave(job, job.sink.gaps())
            (start, end), others = job.gaps[0], job.gaps[1:]
            most = self._most(job)
            if end - start >= most + GRAIN:
                others.insert(0, (start + most, end))
                end = start + most
            self._leave(job, others)
            if known:
                self._put(job)
            return Piece(self, job, start, end)
        return None

    def _most(self, job: Job) -> int:
        """Return how large a piece may be."""
        connections = self._connections(job)
        if job.whole or connections < 2:
            return job.blob.size
        fair = min(self._rest // 2, SPREAD) // connections
        return max(fair // GRAIN, 1) * GRAIN

    def _steal(self) -> Piece | None:
        """Take half of what is left of the largest piece under way."""
        victim = max(filter(self._may_lose, self._under_way), key=lambda p: p.left, default=None)
        if victim is None:
            return None
        middle, end = victim.end - victim.left // 2, victim.end
        victim.end = middle
        return Piece(self, victim.job, middle, end)

    def _may_lose(self, piece: Piece) -> bool:
        job = piece.job
        return (
            piece.left >= 2 * GRAIN
            and not job.whole
            and self._gives_parts.get(job.host, False)
            and len(job.pieces) < self._connections(job)
        )
