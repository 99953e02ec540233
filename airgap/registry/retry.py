"""retry: which failures pass by themselves, and how long to wait before the next try.

Retry-After follows RFC 9110, section 10.2.3: seconds or a date.
"""

import random
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 30.0
_PASSING = frozenset({408, 425, 429, 499})


def passes(status: int) -> bool:
    """Tell whether an HTTP status is one that a later try may not get."""
    return status in _PASSING or (500 <= status < 600 and status not in (501, 505))


def is_bad_certificate(error: BaseException | None) -> bool:
    """Tell whether a failure comes from a certificate that does not hold: no retry helps."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def backoff(attempt: int) -> float:
    """Return the seconds before try number ``attempt`` + 1: doubled each time, with jitter."""
    longest: float = min(_FIRST_SECONDS * 2**attempt, _LONGEST_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  (no secret: it only spreads load)


def retry_after(response: httpx.Response, now: datetime | None = None) -> float | None:
    """Return the seconds that a response asks to wait; None where it does not, or not validly."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    moment: datetime
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds: float = (moment - (now or datetime.now(UTC))).total_seconds()
    return seconds if seconds >= 0 else None
