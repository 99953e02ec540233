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
import textwrap
import time
from pathlib import Path

COLUMNS, ROWS, LINE, LONGEST_WAIT = 100, 28, 17, 2.0
HOLD = 3.0  # seconds for which the last frame is shown before and after
OWN = re.compile(r"/tmp/tmp\.\w+/")
NOISE = "cgroup v1"  # a warning about the machine on which it is recorded
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
                plain = OWN.sub("", plain)
                for part in [] if NOISE in plain else wrapped(plain):
                    lines.append((time.monotonic() - began, part, BOLD in text))
    return lines, process.returncode


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end was closed
        return b""


def wrapped(text: str) -> list[str]:
    """Break a line between words; what follows stands deeper."""
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    return textwrap.wrap(text, COLUMNS, subsequent_indent=indent, drop_whitespace=True) or [""]


def shorten(lines: Shown) -> Shown:
    shown: Shown = []
    now = before = 0.0
    for at, text, bold in lines:
        now += min(at - before, LONGEST_WAIT)
        before = at
        shown.append((now, text, bold))
    return shown


def svg(lines: Shown) -> str:
    """Return the picture: the last frame first, then each line at its time, again and again.

    A curtain over what has not come yet goes down line by line, and where the screen is full all
    moves up. Who cannot play it, or wants no movement, sees the last frame.
    """
    width, height = COLUMNS * 8 + 32, ROWS * LINE + 32
    texts = []
    for number, (_, text, bold) in enumerate(lines):
        kind = ' class="b"' if bold else ""
        texts.append(f'<text y="{(number + 1) * LINE}"{kind}>{html.escape(text)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        "<title>A recorded run: airgap packs two images, and unpacks them where no network is"
        "</title>\n<style>\n"
        "text{font:13px monospace;fill:#d6deeb;white-space:pre}\n"
        ".b{font-weight:bold;fill:#7fdbca}\n"
        f"{moves(lines)}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#10151c"/>\n'
        f'<svg x="16" y="16" width="{COLUMNS * 8}" height="{ROWS * LINE}"'
        f' viewBox="0 5 {COLUMNS * 8} {ROWS * LINE}">'
        '<g xml:space="preserve">\n' + "\n".join(texts) + "\n"
        f'<rect class="c" y="5" width="{COLUMNS * 8}" height="{len(lines) * LINE}"'
        ' fill="#10151c"/>\n</g></svg>\n</svg>\n'
    )


def moves(lines: Shown) -> str:
    """Return the style that lowers the curtain and moves the lines up as they come."""
    period = lines[-1][0] + 2 * HOLD
    begin = f"{HOLD / period:.3%}{{transform:none}}"
    curtain, screen = [begin], [begin]
    for number, (at, _, _) in enumerate(lines, 1):
        when = f"{(HOLD + at) / period:.3%}"
        curtain.append(f"{when}{{{shifted(number * LINE)}}}")
        if number > ROWS:
            screen.append(f"{when}{{{shifted((ROWS - number) * LINE)}}}")
    style = []
    for who, name, steps, last in (
        (".c", "down", curtain, len(lines) * LINE),
        ("g", "up", screen, min(0, ROWS - len(lines)) * LINE),
    ):
        ends = f"{{{shifted(last)}}}"
        style.append(f"@keyframes {name}{{0%{ends}{''.join(steps)}100%{ends}}}")
        style.append(f"{who}{{{shifted(last)};animation:{name} {period:.2f}s step-end infinite}}")
    style.append("@media (prefers-reduced-motion:reduce){g,.c{animation:none}}")
    return "\n".join(style) + "\n"


def shifted(by: int) -> str:
    return f"transform:translateY({by}px)"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
