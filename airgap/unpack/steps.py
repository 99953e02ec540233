"""Steps: how far a run came."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from airgap.progress import Progress

ALREADY = "already there"


class Steps:
    """The steps of a run: those that are done, with their outcomes, and those that are not.

    Args:
        titles: of all steps, in order.
        progress: is told each title and outcome.
    """

    def __init__(self, titles: Sequence[str], progress: Progress) -> None:
        self._titles, self._progress = titles, progress
        self.done: list[tuple[str, str]] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Do a step; what it yields takes the outcome in words."""
        self._progress.step(title)
        said: list[str] = []
        yield said.append
        outcome = said[-1] if said else ALREADY
        self.done.append((title, outcome))
        self._progress.note(outcome)

    @contextmanager
    def told_on_failure(self) -> Iterator[None]:
        """Tell how far it came where it fails."""
        try:
            yield
        except BaseException:
            done = [title.lower() for title, _ in self.done]
            left = [title.lower() for title in self._titles[len(done) :]]
            if done:
                self._progress.warn(f"done before the failure: {', '.join(done)}")
                self._progress.warn(f"not done: {', '.join(left) or 'nothing'}")
            raise
