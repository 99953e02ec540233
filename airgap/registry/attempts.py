"""attempts: what bounds how often something is tried again.

A request has so many tries, and may share them with others that serve the same thing: a blob's
POST and PUT, or the requests that fetch one blob in parts. The host has a budget as well: where
one thing used up all its tries and nobody was answered meanwhile, the others get no second try
until somebody is; and where not even its door answers, they are told so at once. What one is told
of too many requests (429), or of how long to wait, holds for all: nobody asks that host meanwhile.
"""

import random
import threading
from collections.abc import Callable

from airgap.errors import AirgapError, NetworkError
from airgap.progress import Progress
from airgap.registry import errors
from airgap.transfer.stop import Clock, Stop

_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 30.0
_REST_SECONDS = 15.0
"""How long a host that does not answer is left alone."""
_TOLD_SECONDS = 10.0
"""A wait that is longer is told to everybody."""
_TOO_MANY = 429
_SILENCES = 2
"""Of so many in a row it is asked why."""
Door = Callable[[], bool]
"""Asks the host whether it is there."""


class Health:
    """What the requests to one host have met together. Thread-safe.

    Attributes:
        answers: how many requests were answered.
        is_sick: whether tries were used up, and nobody was answered since.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock, self._door = threading.Lock(), threading.Lock()
        self._silent: AirgapError | None = None
        self._rests_until = 0.0
        self.answers, self.is_sick = 0, False

    def answered(self) -> None:
        """Take note of an answer."""
        with self._lock:
            self.answers += 1
            self.is_sick, self._silent = False, None

    def gave_up(self, error: AirgapError, *, since: int, silent: bool) -> None:
        """Take note of something that failed for good.

        Args:
            error: why.
            since: how many answers there were when it failed first.
            silent: whether no answer came.
        """
        with self._lock:
            if self.answers == since:
                self.is_sick, self._silent = True, error if silent else None

    def check(self, is_there: Door) -> None:
        """Raise where the host does not answer at all.

        One repository may be what nobody is answered for, so the host is asked at its door before
        the others are told. One asks for all of them.

        Raises:
            NetworkError: what the others met.
        """
        if self._silent is None:
            return
        with self._door:
            error = self._silent
            if error is None:
                return
            if self._clock.now() >= self._rests_until:
                if is_there():
                    self._silent = None
                    return
                self._rests_until = self._clock.now() + _REST_SECONDS
            raise type(error)(error.message, hint=error.hint)


class Rules:
    """What the tries of a client have in common.

    Args:
        most: tries of one thing.
        max_wait: seconds to wait at the most, all together, where a registry says how long.
        stop: ends the waits, and has the clock.
        progress: is told of each wait.
        complained: is called at each failure.
        why_silent: may know why nobody answers.
    """

    def __init__(
        self,
        most: int,
        max_wait: float,
        stop: Stop,
        progress: Progress,
        complained: Callable[[], None],
        why_silent: Callable[[], AirgapError | None],
    ) -> None:
        self.why_silent = why_silent
        self.most, self.max_wait = most, max_wait
        self.stop, self.progress, self.complained = stop, progress, complained
        self.health = Health(stop.clock)
        self._lock = threading.Lock()
        self._paused_until = 0.0

    def pause(self, seconds: float) -> None:
        """Let nobody begin a try for so long: what one is told of too many holds for all."""
        with self._lock:
            self._paused_until = max(self._paused_until, self.stop.clock.now() + seconds)

    def wait_out(self) -> float:
        """Wait until the host's pause is over; returns the seconds that took.

        Raises:
            Stopped: the run ends.
        """
        waited = 0.0
        while (left := self._paused_until - self.stop.clock.now()) > 0:
            self.stop.wait(left)
            waited += left
        return waited

    def attempts(self, most: int | None = None) -> "Attempts":
        """Return the tries of one thing."""
        return Attempts(self, most or self.most)


class Attempts:
    """The tries of one thing, which may take several requests; for one thread at a time.

    Attributes:
        asked: how many seconds the other side asked to wait at the last failure; None: not said.
    """

    def __init__(self, rules: Rules, most: int) -> None:
        self._rules, self._most = rules, most
        self._count, self._silences, self._since, self._waited = 0, 0, 0, 0.0
        self.asked: float | None = None

    def begin(self, is_there: Door) -> None:
        """Begin a try, when the host's pause is over.

        Args:
            is_there: asks the host whether it is there.

        Raises:
            Stopped: the run ends.
            NetworkError: the host does not answer, as others found out.
        """
        self._rules.stop.check()
        self._waited += self._rules.wait_out()
        self._rules.health.check(is_there)

    def progressed(self) -> None:
        """Take note that the last try was not in vain: only the others are counted."""
        self._count = self._silences = 0

    def failed(
        self, error: AirgapError, seconds: float | None = None, *, silent: bool = False
    ) -> None:
        """Take a try that failed: wait for the next one, or raise ``error``.

        Args:
            error: why; any but a NetworkError is raised at once.
            seconds: how long the other side asks to wait.
            silent: whether no answer came.

        Raises:
            Stopped: the run ends: what broke did so because of that.
            AirgapError: nobody answers, and it is known why.
        """
        rules = self._rules
        rules.stop.check()
        if not isinstance(error, NetworkError):
            raise error
        rules.complained()
        self.asked = seconds
        self._count += 1
        self._silences = self._silences + 1 if silent else 0
        if self._silences == _SILENCES and (why := rules.why_silent()):
            raise why
        if self._count == 1:
            self._since = rules.health.answers
        if self._count >= (1 if rules.health.is_sick else self._most):
            if rules.health.is_sick or self._count > 1:
                rules.health.gave_up(error, since=self._since, silent=silent)
            raise error
        if seconds is not None and self._waited + seconds > rules.max_wait:
            raise _too_long(error, seconds)
        wait = backoff(self._count) if seconds is None else seconds
        if seconds is not None or _is_too_many(error):
            rules.pause(wait)
        self._wait(error, wait)

    def _wait(self, error: AirgapError, seconds: float) -> None:
        self._waited += seconds
        progress = self._rules.progress
        tell = progress.warn if seconds > _TOLD_SECONDS else progress.detail
        tell(f"{error.message}; try {self._count + 1} of {self._most} in {seconds:.1f} s")
        self._rules.stop.wait(seconds)


def _is_too_many(error: AirgapError) -> bool:
    return isinstance(error, errors.FailedError) and error.refusal.status == _TOO_MANY


def _too_long(error: NetworkError, seconds: float) -> NetworkError:
    told = f"{error.message}, and asks to wait {seconds:.0f} s"
    hint = f"wait, or allow it with --max-wait {seconds:.0f}"
    if isinstance(error, errors.FailedError):
        return errors.FailedError(told, error.refusal, hint=hint)
    return NetworkError(told, hint=hint)


def backoff(attempt: int) -> float:
    """Return the seconds before try number ``attempt`` + 1: doubled each time, with jitter."""
    longest: float = min(_FIRST_SECONDS * 2**attempt, _LONGEST_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  (no secret: it only spreads load)
