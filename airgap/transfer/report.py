"""report: what a push did, and what it could not do, as values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airgap.errors import (
    AirgapError,
    ClusterError,
    InputError,
    NetworkError,
    ResourceError,
    TrustError,
)
from airgap.oci.reference import Reference
from airgap.progress import count, size

_LINES = 20
"""How many failures a person is told one by one; the rest is counted."""
_HINTS = 3
_KINDS = (ResourceError, ClusterError, TrustError, NetworkError, InputError)
"""Which exit code counts where failures are of several kinds: the first of these."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An image that is not at the target under one of its names.

    Attributes:
        reference: the image, as it was asked for.
        target: the name that it does not have, ``HOST/REPOSITORY:TAG`` or ``…@DIGEST``.
        error: why.
    """

    reference: Reference
    target: str
    error: AirgapError

    @property
    def what(self) -> str:
        """The full reference, and its name at the target where that is another."""
        name = self.target.partition("/")[2]
        return str(self.reference) + (f" as {name}" if name != str(self.reference) else "")

    def to_json(self) -> dict[str, Any]:
        """Return the failure as ``--json`` prints it."""
        return {"reference": str(self.reference), "target": self.target, **told(self.error)}


def told(error: AirgapError) -> dict[str, Any]:
    """Return why something failed as ``--json`` prints it; status and code are the registry's."""
    status, code = answer_of(error)
    return {
        "error": error.message,
        "hint": error.hint or None,
        "exit_code": error.exit_code,
        "status": status,
        "code": code or None,
    }


def answer_of(error: BaseException | None) -> tuple[int | None, str]:
    """Return the status and the code of the registry's answer that an error comes from.

    Returns:
        None and an empty code where no registry answered.
    """
    while error is not None:
        refusal = getattr(error, "refusal", None)
        if refusal is not None:
            return refusal.status, refusal.code
        error = error.__cause__
    return None, ""


@dataclass
class Report:
    """What a push did; sizes in bytes.

    Attributes:
        images: how many were to be pushed.
        uploaded: blobs sent, and ``uploaded_bytes`` together.
        mounted: blobs that the target had, mounted or left where they were.
        complete: images that were there already, tags and all.
        tags: tags written.
        left_alone: short tags that exist with another digest, and were not moved.
        failed: one for each name that an image does not have, in the order of the images.
    """

    images: int = 0
    uploaded: int = 0
    uploaded_bytes: int = 0
    mounted: int = 0
    complete: int = 0
    tags: list[str] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    @property
    def unfinished(self) -> list[Reference]:
        """The images that are not there under all their names; each once."""
        return list(dict.fromkeys(failure.reference for failure in self.failed))

    def to_json(self) -> dict[str, Any]:
        """Return the report as ``--json`` prints it."""
        return {
            "uploaded_blob_count": self.uploaded,
            "uploaded_bytes": self.uploaded_bytes,
            "mounted_blob_count": self.mounted,
            "complete_image_count": self.complete,
            "tags": self.tags,
            "left_alone": self.left_alone,
            "failed": [failure.to_json() for failure in self.failed],
        }

    def summary(self) -> str:
        """Say it in one line."""
        if not self.uploaded and not self.tags:
            return "all were there already: 0 blobs uploaded"
        return (
            f"{count(self.uploaded, 'blob')} uploaded ({size(self.uploaded_bytes)}),"
            f" {self.mounted} already there or mounted, {count(len(self.tags), 'tag')} written"
        )

    def check(self) -> None:
        """Raise where something failed.

        Raises:
            AirgapError: tells each failure in a line, and how many images there are.
        """
        if self.failed:
            raise _told(self.failed, self.images)


def _told(failed: Sequence[Failure], images: int) -> AirgapError:
    """Join failures into one error."""
    first = failed[0].error
    kind = next((k for k in _KINDS if any(isinstance(f.error, k) for f in failed)), type(first))
    hints = dict.fromkeys(f.error.hint for f in failed if f.error.hint)
    hint = "; or ".join(list(hints)[:_HINTS])
    if len(failed) == 1:
        return kind(f"{failed[0].what}: {first.message}", hint=hint)
    references = {f.reference for f in failed}
    if all(f.error.message == first.message for f in failed):
        head = f"{first.message}: {_of(len(references), images)}"
        lines = [f.what for f in failed]
    else:
        head = f"{_of(len(references), images)} could not be pushed"
        lines = [f"{f.what}: {f.error.message}" for f in failed]
    return kind(listed(head, lines), hint=hint)


def listed(head: str, lines: Sequence[str]) -> str:
    """Return a message of a first line and of others, up to a limit."""
    shown = [f"  {line}" for line in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(f"  and {len(lines) - _LINES} more; --json and --failed FILE name all of them")
    return "\n".join([head, *shown])


def _of(failed: int, images: int) -> str:
    return f"{failed} of {count(images, 'image')}"
