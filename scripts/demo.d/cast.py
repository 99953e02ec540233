"""Record a command in a terminal, as a picture that plays: cast.py OUT.svg COMMAND...

The times are those of the run; waits of more than two seconds are cut to two, and the last line
says how long the run took.
"""

import fcntl
import html
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

COLUMNS, ROWS, LINE, LONGEST_WAIT = 100, 28, 17, 2.0
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
BOLD = "\x1b[1m"

Shown = list[tuple[float, str, bool]]
"""What is seen: seconds from the beginning, the line, whether it is bold."""


def main(out: Path, command: list[str]) -> int:
    began = time.monotonic()
    lines, code = record(command)
    total = time.monotonic() - began
    shown = shorten(lines)
    last = shown[-1][0] + 1 if shown else 0.0
    shown.append((last, f"({total:.0f} seconds, long waits shortened)", False))
    out.write_text(svg(shown))
    return code


def record(command: list[str]) -> tuple[Shown, int]:
    """Run the command in a terminal, and note when each line was whole."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    lines: Shown = []
    began, rest = time.monotonic(), b""
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        while data := read(ours):
            sys.stdout.buffer.write(data)
            sys.stdout.flush()
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
                plain = CONTROL.sub("", text).replace(str(Path.cwd()), "~/airgap")
                for part in wrapped(plain):
                    lines.append((time.monotonic() - began, part, BOLD in text))
    return lines, process.returncode


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end was closed
        return b""


def wrapped(text: str) -> list[str]:
    return [text[at : at + COLUMNS] for at in range(0, len(text) or 1, COLUMNS)]


def shorten(lines: Shown) -> Shown:
    shown: Shown = []
    now = before = 0.0
    for at, text, bold in lines:
        now += min(at - before, LONGEST_WAIT)
        before = at
        shown.append((now, text, bold))
    return shown


def svg(lines: Shown) -> str:
    """Return the picture: each line appears at its time, and the whole moves up where it is full.

    Who cannot play it sees the first screen.
    """
    width, height = COLUMNS * 8 + 32, ROWS * LINE + 32
    texts = []
    for number, (at, text, bold) in enumerate(lines):
        kind = ' class="b"' if bold else ""
        style = f'y="{(number + 1) * LINE}" style="animation-delay:{at:.2f}s"'
        texts.append(f"<text {style}{kind}>{html.escape(text)}</text>")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        "<title>A recorded run</title>\n<style>\n"
        "text{font:13px monospace;fill:#d6deeb;white-space:pre;animation:show 10ms both}\n"
        ".b{font-weight:bold;fill:#7fdbca}\n"
        "@keyframes show{from{visibility:hidden}to{visibility:visible}}\n"
        f"{scroll(lines)}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#10151c"/>\n'
        f'<svg x="16" y="16" width="{COLUMNS * 8}" height="{ROWS * LINE + 4}">'
        '<g xml:space="preserve">\n' + "\n".join(texts) + "\n</g></svg>\n</svg>\n"
    )


def scroll(lines: Shown) -> str:
    """Return the style that moves the lines up as they come."""
    total = lines[-1][0]
    steps = [
        f"{at / total:.3%}{{transform:translateY({-(number + 1 - ROWS) * LINE}px)}}"
        for number, (at, _, _) in enumerate(lines)
        if number >= ROWS
    ]
    moves = f"@keyframes up{{0%{{transform:none}}{''.join(steps)}}}\n" if steps else ""
    return f"{moves}g{{animation:up {total:.2f}s step-end both}}\n" if steps else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
