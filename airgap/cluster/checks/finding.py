"""A finding: something on this host that is not as it should be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        problem: what, in one line.
        remedy: what to do about it, a command where there is one.
        fatal: whether a later step cannot succeed.
    """

    problem: str
    remedy: str
    fatal: bool = True
