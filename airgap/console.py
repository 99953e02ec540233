"""What a person sees: lines and one progress bar on stderr. Results go to stdout, by the cli.

On a terminal the bar is tqdm's; elsewhere plain lines say how far it is, at most one every ten
seconds, so that a CI log stays short.
"""

import contextlib
import io
import json
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, TextIO

from airgap.progress import size

QUIET, NORMAL, VERBOSE, DEBUG = -1, 0, 1, 2
_PLAIN_SECONDS, _JSON_SECONDS = 10.0, 1.0


class Console:
    """A Progress that draws on a terminal or writes plain lines.

    Args:
        verbosity: QUIET shows only warnings and errors; VERBOSE also details.
        stream: where to write; stderr where not given. One that is closed or full is nothing:
            what a person cannot see must not end what they asked for.
        plain: draw no bar on a terminal either.
    """

    def __init__(
        self, verbosity: int = NORMAL, stream: TextIO | None = None, *, plain: bool = False
    ) -> None:
        self.verbosity = verbosity
        self.stream = stream or sys.stderr or io.StringIO()
        self._draws = not plain and self.stream.isatty()
        self._lock = threading.RLock()
        self._meter: _Bar | _Lines | None = None

    def step(self, title: str) -> None:
        """Begin a titled step."""
        self._line(f"==> {title}", NORMAL)

    def note(self, text: str) -> None:
        """Tell a result."""
        self._line(f"    {text}", NORMAL)

    def detail(self, text: str) -> None:
        """Tell what only ``-v`` shows."""
        self._line(f"    {text}", VERBOSE)

    def warn(self, text: str) -> None:
        """Tell what deserves attention, also with ``-q``."""
        self._line(f"warning: {text}", QUIET)

    def start(self, what: str, total: int) -> None:
        """Begin to count ``total`` bytes."""
        if self.verbosity < NORMAL or not total:
            return
        with self._lock:
            bar = _Bar if self._draws else _Lines
            self._meter = bar(what, total, self.stream)

    def advance(self, count: int) -> None:
        """Count ``count`` more bytes."""
        with self._lock:
            if self._meter:
                self._meter.advance(count)

    def finish(self) -> None:
        """Stop counting."""
        with self._lock:
            if self._meter:
                self._meter.close()
                self._meter = None

    def _line(self, text: str, level: int) -> None:
        if self.verbosity < level:
            return
        with self._lock:
            write = self._meter.line if isinstance(self._meter, _Bar) else self._print
            for line in text.split("\n"):
                write(printable(line))

    def _print(self, line: str) -> None:
        _write(self.stream, line)


class JsonLines(Console):
    """The same as one JSON object a line, as docs/reference/json.md describes it."""

    def __init__(self, verbosity: int = NORMAL, stream: TextIO | None = None) -> None:
        super().__init__(verbosity, stream, plain=True)
        self._begun = time.monotonic()
        self._count: _Count | None = None

    def step(self, title: str) -> None:
        """Begin a titled step."""
        self.event("step", NORMAL, text=title)

    def note(self, text: str) -> None:
        """Tell a result."""
        self.event("note", NORMAL, text=text)

    def detail(self, text: str) -> None:
        """Tell what only ``-v`` shows."""
        self.event("detail", VERBOSE, text=text)

    def warn(self, text: str) -> None:
        """Tell what deserves attention, also with ``-q``."""
        self.event("warning", QUIET, text=text)

    def start(self, what: str, total: int) -> None:
        """Begin to count ``total`` bytes."""
        with self._lock:
            self._count = _Count(what, total, time.monotonic())
            self._tell_count()

    def advance(self, count: int) -> None:
        """Count ``count`` more bytes; a line a second at the most."""
        with self._lock:
            if self._count is None:
                return
            self._count.done += count
            if time.monotonic() - self._count.told >= _JSON_SECONDS:
                self._tell_count()

    def finish(self) -> None:
        """Stop counting, with a last line of what was counted."""
        with self._lock:
            if self._count:
                self._tell_count()
            self._count = None

    def event(self, kind: str, level: int, **members: object) -> None:
        """Write one line."""
        if self.verbosity < level:
            return
        seconds = round(time.monotonic() - self._begun, 3)
        line = {"version": 1, "event": kind, "seconds": seconds, **members}
        with self._lock:
            _write(self.stream, json.dumps(line))

    def _tell_count(self) -> None:
        if self._count:
            self._count.told = time.monotonic()
            about = {"what": self._count.what, "done": self._count.done}
            self.event("progress", NORMAL, **about, total=self._count.total)


@dataclass
class _Count:
    """Bytes that are counted, and when that was told."""

    what: str
    total: int
    told: float
    done: int = 0


def _write(stream: TextIO, line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        stream.write(line + "\n")
        stream.flush()


class _Bar:
    """A tqdm bar in bytes, with rate and time left."""

    def __init__(self, what: str, total: int, stream: TextIO) -> None:
        from tqdm import tqdm

        self._tqdm: Any = tqdm(
            desc=f"    {what}", total=total, unit="B", unit_scale=True, unit_divisor=1000,
            file=stream, dynamic_ncols=True, leave=False, mininterval=0.1,
        )  # fmt: skip

    def advance(self, count: int) -> None:
        self._tqdm.update(count)

    def line(self, text: str) -> None:
        self._tqdm.write(text, file=self._tqdm.fp)

    def close(self) -> None:
        self._tqdm.close()


class _Lines:
    """The same facts as plain lines."""

    def __init__(self, what: str, total: int, stream: TextIO) -> None:
        self._what, self._total, self._stream = what, total, stream
        self._done = 0
        self._begun = self._told = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told >= _PLAIN_SECONDS:
            self._told = now
            rate = self._done / (now - self._begun)
            done = f"{size(self._done)} of {size(self._total)}"
            _write(self._stream, f"    {self._what}: {done}, {size(rate)}/s")

    def close(self) -> None:
        """Nothing is left open."""


def printable(text: str) -> str:
    """Replace control characters, which foreign text could use to rewrite the screen."""
    return "".join(c if c.isprintable() else "?" for c in text)
