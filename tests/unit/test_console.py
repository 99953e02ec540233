import io

import pytest

from airgap import console
from airgap.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(verbosity: int) -> str:
    stream = io.StringIO()
    listener = Console(verbosity, stream)
    listener.step("step")
    listener.note("note")
    listener.detail("detail")
    listener.warn("warn")
    return stream.getvalue()


def test_verbosity() -> None:
    assert told(console.QUIET) == "warning: warn\n"
    assert told(console.NORMAL) == "==> step\n    note\nwarning: warn\n"
    assert told(console.VERBOSE) == "==> step\n    note\n    detail\nwarning: warn\n"


def test_foreign_text_cannot_rewrite_the_screen() -> None:
    stream = io.StringIO()
    Console(stream=stream).note("a\x1b[2Jb\rc\nd")
    assert stream.getvalue() == "    a?[2Jb?c\nd\n"


def test_without_a_terminal_progress_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("airgap.console.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    listener = Console(stream=stream)
    listener.start("fetch", 100_000_000)
    for _ in range(30):
        now[0] += 1
        listener.advance(2_000_000)
    listener.finish()
    assert stream.getvalue().split("\n") == [
        "    fetch: 20.0 MB of 100.0 MB, 2.0 MB/s",
        "    fetch: 40.0 MB of 100.0 MB, 2.0 MB/s",
        "    fetch: 60.0 MB of 100.0 MB, 2.0 MB/s",
        "",
    ]


def test_on_a_terminal_lines_stand_above_the_bar() -> None:
    stream = Terminal()
    listener = Console(stream=stream)
    listener.start("fetch", 1000)
    listener.advance(500)
    listener.note("nginx:1 is complete")
    listener.finish()
    listener.advance(1)
    assert "fetch:" in stream.getvalue()
    assert "    nginx:1 is complete\n" in stream.getvalue()


def test_a_quiet_console_has_no_bar() -> None:
    stream = Terminal()
    listener = Console(console.QUIET, stream)
    listener.start("fetch", 1000)
    listener.advance(1000)
    listener.finish()
    assert stream.getvalue() == ""
