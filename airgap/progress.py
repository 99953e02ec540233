"""What a use case tells the person who waits. The core never draws: it is handed one of these."""

from typing import Protocol


class Progress(Protocol):
    """A listener for what happens; ``airgap.console`` draws it. Every method is thread-safe."""

    def step(self, title: str) -> None:
        """Begin a titled step, such as ``create the cluster``."""

    def note(self, text: str) -> None:
        """Tell a result that everybody wants to see."""

    def detail(self, text: str) -> None:
        """Tell what only ``-v`` shows, such as a retry."""

    def warn(self, text: str) -> None:
        """Tell what went well but deserves attention; shown also with ``-q``."""

    def start(self, what: str, total: int) -> None:
        """Begin to count ``total`` bytes under the name ``what``."""

    def advance(self, count: int) -> None:
        """Count ``count`` more bytes; negative when bytes have to be fetched again."""

    def finish(self) -> None:
        """Stop counting bytes."""


def count(number: int, noun: str) -> str:
    """Return ``1 image``, ``2 images``, and so on."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size(count: float) -> str:
    """Write a number of bytes for people, in powers of 1000: ``12.3 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} TB"


class Silent:
    """A Progress that tells nobody: the default, and the base for listeners that pick."""

    def step(self, title: str) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def detail(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""

    def start(self, what: str, total: int) -> None:
        """Say nothing."""

    def advance(self, count: int) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""
