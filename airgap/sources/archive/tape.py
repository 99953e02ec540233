"""Tape: a tar that comes once, from its first byte to its last; implements Cursor.

Whoever scans it may take a file's content at the moment at which the file is found; what is not
taken is passed over.
"""

from collections.abc import Iterable, Iterator

from airgap.errors import InputError


class Tape:
    """Bytes as they come.

    Args:
        pieces: the bytes; each piece's memory may be reused after the next.
        what: names them in errors.
    """

    def __init__(self, pieces: Iterable[bytes | memoryview], what: str) -> None:
        self._pieces, self._what = iter(pieces), what
        self._left = memoryview(b"")
        self._taken = 0

    def read(self, count: int) -> bytes:
        """Return the next bytes: as many as asked for, fewer at the end alone."""
        return b"".join(map(bytes, self._next(count)))

    def skip(self, count: int) -> None:
        """Pass over the rest of a content of ``count`` bytes, of which some may be taken.

        Raises:
            InputError: it ends before.
        """
        count -= self._taken
        self._taken = 0
        for piece in self._next(count):
            count -= len(piece)
        if count > 0:
            raise self._truncated()

    def chunks(self, count: int) -> Iterator[memoryview]:
        """Take the next bytes of the content that is to be skipped.

        Raises:
            InputError: it ends before.
        """
        for piece in self._next(count):
            self._taken += len(piece)
            count -= len(piece)
            yield piece
        if count > 0:
            raise self._truncated()

    def _next(self, count: int) -> Iterator[memoryview]:
        while count > 0:
            if not self._left:
                following = next(self._pieces, None)
                if following is None:
                    return
                self._left = memoryview(following)
            piece, self._left = self._left[:count], self._left[count:]
            count -= len(piece)
            yield piece

    def _truncated(self) -> InputError:
        return InputError(f"{self._what} broke off", hint="run the same command again")
