"""Troubles: what went wrong on our side, told once and counted always."""

import threading
import traceback

from airgap.errors import AirgapError
from airgap.progress import Progress

_REMEMBERED = 1000


class Troubles:
    """Tells a person of damaged content and of faults. Thread-safe.

    A client can ask for the same broken thing for ever: each trouble is a warning once, and a
    detail after that.

    Attributes:
        count: how often something went wrong.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self.count = 0

    def tell(self, error: Exception) -> None:
        """Tell what happened: content that cannot be served, or a fault in airgap."""
        if isinstance(error, AirgapError):
            self._tell(error.message)
            return
        self._tell(f"a fault in airgap: {type(error).__name__}: {error}")
        self._progress.detail("".join(traceback.format_exception(error)))

    def _tell(self, message: str) -> None:
        with self._lock:
            self.count += 1
            is_new = message not in self._told and len(self._told) < _REMEMBERED
            if is_new:
                self._told.add(message)
        (self._progress.warn if is_new else self._progress.detail)(message)
