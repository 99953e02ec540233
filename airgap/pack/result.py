"""Result: what was packed, and what was not; and how many failures are told as one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airgap.bundle.writer import partial_of
from airgap.errors import AirgapError, NetworkError, together
from airgap.oci.attached import belonging, number
from airgap.oci.chart import command, is_chart
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.request import Request
from airgap.progress import count
from airgap.signatures.cosign import ImageKey, UnsignedError, proved
from airgap.transfer import report

_LEFT_OUT = "ask who runs that registry; --keep-going packs the other images"
_NAMED = 3  # the images that are named where many fail alike
_TOLD = 20  # the causes that are told; all of them are data


@dataclass(frozen=True, slots=True)
class Moved:
    """A tag that is not where the lock has it; ``now`` is None where it is gone."""

    reference: Reference
    locked: Digest
    now: Digest | None

    def __str__(self) -> str:
        now = f"is {self.now} now" if self.now else "is gone"
        return f"{self.reference.familiar} {now}, and {self.locked} in the lock"

    def to_json(self) -> dict[str, Any]:
        """Return it as ``pack --json`` prints it."""
        return {
            "reference": str(self.reference),
            "locked": str(self.locked),
            "now": str(self.now) if self.now else None,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What was packed; sizes in bytes.

    Attributes:
        path: where the bundle is, or was to be.
        digest: of the bundle; None where none was written.
        error: why none was written.
        fetched: bytes that came from the source.
        reused: bytes that came from the older bundle.
        failed: the images that are not in it, and why.
        unfinished: lines of an image list that name these again, without what only the cluster
            needs.
        digests: what each reference was found to be, also those that only the cluster needs.
        moved: the tags that are not where the lock has them.
        sparse: the images that are carried for some of their platforms only.
        docker_archive_lacks: references that ``docker load`` cannot express.
        left_out: what the list of another tool holds besides.
        attached: what is carried besides, attached to the images.
        image_keys: the keys of which one has signed each image; none where that was not asked.
        secret: whether the file holds a private key.
        cluster: whether it brings up a cluster.
        tool: the platform of the airgap inside; None where there is none.
        name: what the bundle is called.
        serial: counts the bundles of that name.
    """

    path: Path
    platforms: Sequence[Platform]
    fetched: int
    reused: int
    seconds: float
    digest: Digest | None = None
    error: AirgapError | None = None
    size: int = 0
    images: Sequence[Image] = ()
    failed: Mapping[Reference, AirgapError] = field(default_factory=dict)
    unfinished: Sequence[str] = ()
    digests: Mapping[Reference, Digest] = field(default_factory=dict)
    moved: Sequence[Moved] = ()
    sparse: Sequence[Reference] = ()
    docker_archive_lacks: Sequence[Reference] = ()
    left_out: Sequence[str] = ()
    attached: Sequence[Image] = ()
    image_keys: Sequence[ImageKey] = ()
    secret: bool = False
    cluster: bool = False
    tool: Platform | None = None
    name: str = ""
    serial: int | None = None

    @property
    def with_attached(self) -> int:
        """How many of the images something is attached to."""
        return sum(map(bool, belonging([*self.images, *self.attached]).values()))

    def to_json(self) -> dict[str, Any]:
        """Return the result as ``pack --json`` prints it."""
        common = {
            "fetched": self.fetched,
            "reused": self.reused,
            "seconds": round(self.seconds, 3),
            "platforms": [str(platform) for platform in self.platforms] or ["all"],
            "failed": list(self._failed()),
            "moved": [moved.to_json() for moved in self.moved],
        }
        if self.error:
            error = self.error
            told = {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
            return told | {"bundle": None} | common
        return {
            "bundle": str(self.path),
            "name": self.name,
            "serial": self.serial,
            "digest": str(self.digest),
            "tool": str(self.tool) if self.tool else None,
            "size": self.size,
            "secret": self.secret,
            "images": [image.to_json() for image in self.images],
            "attached": {"count": number(self.attached), "image_count": self.with_attached},
            "sparse": [str(reference) for reference in self.sparse],
            "left_out": list(self.left_out),
            "charts": [
                {"reference": str(image.reference), "install": command(image)}
                for image in self.images
                if is_chart(image)
            ],
            "image_key": proved(self.image_keys, self.images),
            "docker_archive_lacks": [str(reference) for reference in self.docker_archive_lacks],
        } | common

    def _failed(self) -> Iterator[dict[str, Any]]:
        for reference, error in self.failed.items():
            yield {"reference": str(reference), **report.told(error)}


def joined(failed: Mapping[Reference, AirgapError], request: Request) -> AirgapError:
    """Join all failures into one error; a cause that many images share is told once."""
    causes: dict[str, list[Reference]] = {}
    for reference, error in failed.items():
        causes.setdefault(error.message, []).append(reference)
    told = {
        _told(cause, those, failed[those[0]]): failed[those[0]] for cause, those in causes.items()
    }
    passes = any(isinstance(error, NetworkError) for error in failed.values())
    again = (
        f"run the same command again: what was fetched is kept in {partial_of(request.output)}"
        if passes
        else ""
    )
    error = together(told, f"{count(len(failed), 'image')} failed", again)
    lines = error.message.split("\n")
    if len(lines) > _TOLD + 1:
        more = f"  and {len(lines) - _TOLD - 1} more: --json and --failed FILE list all"
        lines[_TOLD + 1 :] = [more]
    hint = error.hint or _LEFT_OUT
    return type(error)("\n".join(lines), hint=hint)


def _told(cause: str, those: Sequence[Reference], error: AirgapError) -> str:
    """Say which images a cause is about, where it does not name them itself.

    Who is to have images signed is told of all of them.
    """
    if len(those) == 1 and those[0].familiar in cause:
        return cause
    named = len(those) if isinstance(error, UnsignedError) else _NAMED
    more = f" and {len(those) - named} more" if len(those) > named else ""
    return f"{', '.join(one.familiar for one in those[:named])}{more}: {cause}"
