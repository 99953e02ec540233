"""pack: from a list of images to one bundle file.

Look everything up first, plan the file to the byte, then let several connections write their
blobs straight into place. What fails is listed together at the end; what was fetched stays in
the partial file for the next run.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airgap.bundle.plan import Contents, Plan, check_room, plan
from airgap.bundle.writer import Writer, check_output, partial_of
from airgap.errors import AirgapError, NetworkError, together
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.download import Download
from airgap.pack.extras import ClusterOptions, Payload, payload
from airgap.pack.lookup import Found, look_up
from airgap.progress import Progress, count
from airgap.spec.spec import Spec
from airgap.transfer.ports import Source, Store

_LEFT_OUT = "ask who runs that registry; --keep-going packs the other images"
_NAMED = 3  # the images that are named where many fail alike


@dataclass(frozen=True, slots=True)
class Options:
    """How to pack.

    Attributes:
        output: where the bundle is to be.
        cluster: what a bundle that brings up a cluster carries; None makes one for registries
            that exist.
        keep_going: write a bundle without the images that failed.
        reuse: content at hand that need not be fetched.
        allow_foreign: pack images without layers that their registries do not have.
        created: seconds since 1970, from SOURCE_DATE_EPOCH; None leaves the date out.
    """

    output: Path
    cluster: ClusterOptions | None
    keep_going: bool = False
    reuse: Store | None = None
    created: int | None = None
    allow_foreign: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What was packed; sizes in bytes.

    Attributes:
        docker_archive_lacks: references that ``docker load`` cannot express.
        secret: whether the file holds a private key.
    """

    path: Path
    digest: Digest
    size: int
    images: Sequence[Image]
    platforms: Sequence[Platform]
    fetched: int
    reused: int
    failed: Mapping[Reference, AirgapError]
    docker_archive_lacks: Sequence[Reference]
    secret: bool
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the result as ``pack --json`` prints it."""
        return {
            "bundle": str(self.path),
            "digest": str(self.digest),
            "size": self.size,
            "fetched": self.fetched,
            "reused": self.reused,
            "seconds": round(self.seconds, 3),
            "platforms": [str(platform) for platform in self.platforms] or ["all"],
            "secret": self.secret,
            "images": [image.to_json() for image in self.images],
            "docker_archive_lacks": [str(reference) for reference in self.docker_archive_lacks],
            "failed": [
                {"reference": str(reference), "error": error.message}
                for reference, error in self.failed.items()
            ],
        }


def pack(spec: Spec, options: Options, source: Source, progress: Progress) -> Result:
    """Write a bundle.

    Raises:
        InputError: an image does not exist or is invalid, and ``keep_going`` is off.
        NetworkError: a registry failed in spite of retries, and ``keep_going`` is off.
        ResourceError: the file cannot be written.
        TooLarge: the tables of one bundle have no room for so much.
    """
    begun = time.monotonic()
    check_output(options.output)
    wanted = _wanted(spec, options)
    check_room(wanted)
    platforms = () if spec.all_platforms else spec.platforms or (Platform.of_host(),)
    progress.step(f"Looking up {count(len(wanted), 'image')}")
    found = look_up(
        wanted, platforms, source, options.reuse, progress, allow_foreign=options.allow_foreign
    )
    rest = _payload(spec, options, found, platforms)
    draft = plan(_contents(spec, options, platforms, found, rest))
    progress.step("Fetching what is missing")
    with Writer(draft, options.output, secret=rest.secret) as writer:
        download = Download(writer, source, options.reuse, progress)
        download.run(found.images.values())
        found.failed.update(download.failed)
        if not found.failed:
            digest = writer.commit()
    if found.failed:
        draft = _without_failed(spec, options, platforms, found, rest, progress)
        with Writer(draft, options.output, secret=rest.secret) as writer:
            digest = writer.commit()
    for text in (*draft.warnings, *rest.warnings, *writer.warnings):
        progress.warn(text)
    return Result(
        path=options.output,
        digest=digest,
        size=draft.size,
        images=_carried(spec, found),
        platforms=platforms,
        fetched=download.fetched,
        reused=download.reused,
        failed=found.failed,
        docker_archive_lacks=draft.inexpressible,
        secret=rest.secret,
        seconds=time.monotonic() - begun,
    )


def _wanted(spec: Spec, options: Options) -> list[Reference]:
    cluster = [spec.node_image, spec.registry_image] if options.cluster else []
    return list(dict.fromkeys([*cluster, *spec.images]))


def _payload(spec: Spec, options: Options, found: Found, platforms: Sequence[Platform]) -> Payload:
    return payload(
        spec,
        options.cluster,
        found.images.get(spec.node_image),
        found.images.get(spec.registry_image),
        platforms[0] if platforms else Platform.of_host(),
    )


def _contents(
    spec: Spec, options: Options, platforms: Sequence[Platform], found: Found, rest: Payload
) -> Contents:
    of_cluster = found.images if options.cluster else {}
    return Contents(
        name=spec.name,
        serial=spec.serial,
        created=_timestamp(options.created),
        platforms=tuple(platforms),
        parameters=rest.parameters,
        images=_carried(spec, found),
        node=of_cluster.get(spec.node_image),
        registry=of_cluster.get(spec.registry_image),
        bodies=found.bodies,
        extras=rest.members,
        failed=tuple(found.failed),
        absent=frozenset(found.absent),
    )


def _carried(spec: Spec, found: Found) -> list[Image]:
    complete = (r for r in spec.images if r in found.images and r not in found.failed)
    return [found.images[reference] for reference in complete]


def _without_failed(
    spec: Spec,
    options: Options,
    platforms: Sequence[Platform],
    found: Found,
    rest: Payload,
    progress: Progress,
) -> Plan:
    """Plan again without what failed; raise where that is not asked for or leaves nothing."""
    vital = [r for r in _wanted(spec, options) if r in found.failed and r not in spec.images]
    if not options.keep_going or vital or not _carried(spec, found):
        raise _failures(found.failed, options.output)
    for reference, error in found.failed.items():
        progress.warn(f"left out {reference.familiar}: {error.message}")
    return plan(_contents(spec, options, platforms, found, rest))


def _failures(failed: Mapping[Reference, AirgapError], output: Path) -> AirgapError:
    """Join all failures into one error; a cause that many images share is told once."""
    causes: dict[str, list[Reference]] = {}
    for reference, error in failed.items():
        causes.setdefault(error.message, []).append(reference)
    told = {_told(cause, those): failed[those[0]] for cause, those in causes.items()}
    passes = any(isinstance(error, NetworkError) for error in failed.values())
    again = f"run the same command again: what was fetched is kept in {partial_of(output)}"
    joined = together(told, f"{count(len(failed), 'image')} failed", again if passes else "")
    joined.hint = joined.hint or _LEFT_OUT
    return joined


def _told(cause: str, those: Sequence[Reference]) -> str:
    """Say which images a cause is about, where it does not name them itself."""
    if len(those) == 1 and those[0].familiar in cause:
        return cause
    more = f" and {len(those) - _NAMED} more" if len(those) > _NAMED else ""
    return f"{', '.join(one.familiar for one in those[:_NAMED])}{more}: {cause}"


def _timestamp(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
