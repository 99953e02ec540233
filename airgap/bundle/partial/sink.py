"""sink: takes the bytes of one blob into the partial file, in any order, and proves them.

The hash needs order. A front follows behind: what arrives there is hashed as it lies in memory,
what came early is read back, while it is still in the page cache, a little with each write.
"""

import hashlib
import threading
from typing import Any, Protocol

from airgap.bundle.partial.extents import Extents, Range
from airgap.bundle.partial.journal import Held
from airgap.errors import AirgapError, InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest

_NOTE_EVERY = 8 << 20
_FLUSH_EVERY = 8 << 20
_FLUSH_LEAST = 1 << 20
"""Many small blobs are left to the flush at the end."""
_BUFFER = 256 << 10
_STEP = 4 << 20
"""How much one write may read back: more than it brings, so that the front catches up."""


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


class Medium(Protocol):
    """The partial file; every method raises ResourceError where the system fails."""

    def put(self, data: bytes | memoryview, offset: int) -> None:
        """Write bytes at an offset."""

    def get(self, buffer: memoryview, offset: int) -> int:
        """Read bytes from an offset; 0 at the end of the file."""

    def begin_flush(self, offset: int, count: int) -> None:
        """Let the medium begin with bytes that were written."""

    def note(self, digest: Digest, held: Held) -> None:
        """Write down which bytes of a blob are there."""


class BlobSink:
    """Takes one blob. Several threads may write, each other bytes; the rest is for one thread.

    Attributes:
        complete: whether all of the blob is there, and proved.
    """

    def __init__(self, medium: Medium, blob: Descriptor, at: int) -> None:
        self.complete = False
        self._medium, self._blob, self._at = medium, blob, at
        self._lock, self._hashing = threading.Lock(), threading.Lock()
        self._begin(Extents(), hashlib.sha256())

    def _begin(self, there: Extents, sha: Any) -> None:
        self._there, self._sha, self._hashed = there, sha, there.front
        self._flushing = there.front
        self._unnoted = 0

    @property
    def offset(self) -> int:
        """The first byte that is missing."""
        with self._lock:
            return self._there.front

    @property
    def held(self) -> int:
        """How many bytes are there."""
        with self._lock:
            return self._there.total

    def gaps(self) -> list[Range]:
        """Return the ranges of bytes that are missing, in order."""
        with self._lock:
            return self._there.gaps(self._blob.size)

    def resume(self, held: Held, sha: Any) -> None:
        """Take over what an earlier run left, with the hash of the first bytes."""
        there = Extents(held.ranges)
        if there.front < self._blob.size:
            self._begin(there, sha)
        elif sha.hexdigest() == self._blob.digest.hex:
            self._begin(there, sha)
            self.complete = True

    def declare_complete(self) -> None:
        """Take all of it as there and proved, which another sink of this run has seen."""
        self._there = Extents([(0, self._blob.size)])
        self.complete = True

    def write(self, chunk: memoryview, start: int | None = None) -> None:
        """Take bytes from ``start`` on; the first that are missing where that is None.

        Raises:
            InputError: they are more than the blob has.
            ResourceError: they cannot be written.
        """
        start = self.offset if start is None else start
        end = start + len(chunk)
        if end > self._blob.size:
            raise InputError(f"{self._blob.digest} has more than its {self._blob.size} bytes")
        self._medium.put(chunk, self._at + start)
        with self._lock:
            self._there.add(start, end)
            self._unnoted += len(chunk)
            if self._unnoted >= _NOTE_EVERY:
                self._note()
        self._hash(chunk, start)

    def note(self) -> None:
        """Write down what is there, where that is news."""
        with self._lock:
            if self._unnoted:
                self._note()

    def _note(self) -> None:
        self._medium.note(self._blob.digest, self.where())
        self._unnoted = 0

    def where(self) -> Held:
        """Return what the journal is to say."""
        return Held(self._at, tuple(self._there))

    def _hash(self, chunk: memoryview, start: int) -> None:
        """Bring the hash forward, unless another thread is at it."""
        if not self._hashing.acquire(blocking=False):
            return
        try:
            if self._hashed == start:
                self._sha.update(chunk)
                self._hashed += len(chunk)
            self._read_back(_STEP)
            if self._hashed - self._flushing >= _FLUSH_EVERY:
                self._begin_flush()
        finally:
            self._hashing.release()

    def _read_back(self, most: int) -> None:
        """Hash what is there behind the front, of ``most`` bytes at the most."""
        left = min(most, self.offset - self._hashed)
        buffer = memoryview(bytearray(min(left, _BUFFER)))
        while left > 0:
            got = self._medium.get(buffer[:left], self._at + self._hashed)
            if not got:
                return  # somebody cut the file: what is not hashed is not proved
            self._sha.update(buffer[:got])
            self._hashed, left = self._hashed + got, left - got

    def _begin_flush(self) -> None:
        """Send on its way what is hashed, and so is read no more."""
        self._medium.begin_flush(self._at + self._flushing, self._hashed - self._flushing)
        self._flushing = self._hashed

    def restart(self) -> None:
        """Begin again at the first byte."""
        self._forget()
        self._begin(Extents(), hashlib.sha256())

    def keep_front(self) -> int:
        """Let go what is there behind the first missing byte; return how many bytes that was."""
        with self._lock:
            before, front = self._there.total, self._there.front
            if before > front:
                self._there = Extents([(0, front)])
                self._note()
            return before - front

    def finish(self) -> None:
        """Declare the blob complete.

        Raises:
            DigestMismatch: its bytes are not those of its digest; they are not kept.
        """
        with self._hashing:
            self._read_back(self._blob.size)
        actual = Digest("sha256", self._sha.hexdigest())
        if actual != self._blob.digest or self._hashed != self._blob.size:
            self._forget()
            raise DigestMismatch(self._blob.digest, actual)
        self.note()
        if self._hashed - self._flushing >= _FLUSH_LEAST:
            self._begin_flush()
        self.complete = True

    def _forget(self) -> None:
        self._medium.note(self._blob.digest, Held(self._at, ()))
        self._unnoted = 0
