"""pack: from a list of images to one bundle file.

Look everything up first, plan the file to the byte, then let several connections write their
blobs straight into place. What fails is listed together at the end; what was fetched stays in
the partial file for the next run.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from airgap.bundle.plan import Contents, check_room, plan
from airgap.bundle.writer import Writer, check_output, partial_of
from airgap.errors import AirgapError, InputError
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import Reference
from airgap.pack.carried.programs import file_name, platform_of
from airgap.pack.download import Download
from airgap.pack.extras import Payload, check_programs, payload
from airgap.pack.fitting import fit
from airgap.pack.image_keys import unsigned as check_keys
from airgap.pack.lookup import Found, look_up
from airgap.pack.pages import pages
from airgap.pack.request import Request
from airgap.pack.result import Moved, Result, joined
from airgap.pack.sparse import sparse, told
from airgap.progress import Progress, count, size
from airgap.transfer.ports import Source
from airgap.transfer.stop import Stop

Failures = Mapping[Reference, AirgapError]
_RESERVED = "docker.io/airgap/"


def pack(request: Request, source: Source, progress: Progress, stop: Stop | None = None) -> Result:
    """Write a bundle.

    What fails for single images is in the result; there is no bundle then, unless the request
    is to keep going and at least one image is left.

    Args:
        request: what it is to hold, and where it is to be.
        source: where the images are.
        progress: is told how it goes.
        stop: is set where the run fails as a whole; the source heeds the same one.

    Raises:
        InputError: something that the bundle is to hold cannot be in one.
        ResourceError: the file cannot be written.
        TooLarge: the tables of one bundle have no room for so much.
    """
    begun, stop = time.monotonic(), stop or Stop()
    check_output(request.output)
    check_room(list(request.wanted))
    _check_names(request.wanted)
    tool = check_programs(request.cluster, request.tools, request.platform)
    for text in request.spec.left_out:
        progress.warn(f"not taken: {text}")
    progress.step(f"Looking up {count(len(request.wanted), 'image')}")
    found = look_up(request, source, progress, stop)
    attached = found.attached_to(found.images).values()
    fitting = fit([*found.images.values(), *attached], found.bodies, source)
    unsigned = check_keys(request, found, source, stop)
    failed = {**unsigned, **found.failed, **_of_owners(found, fitting.failed)}
    in_order = {reference: failed[reference] for reference in request.wanted if reference in failed}
    images = {r: image for r, image in found.images.items() if r not in failed}
    found = replace(found, images=images, failed=in_order)
    moved = _moved(request, found)
    for one in moved:
        progress.warn(str(one))
    if not found.images or (unsigned and not request.keep_going):
        result = Result(request.output, request.platforms, 0, 0, 0, moved=moved)
        return _without_bundle(request, result, found.failed, begun)
    if not request.cluster:
        _tell_sparse(found, progress)
    rest = _payload(request, found, tool)
    return replace(_write(request, found, rest, source, progress, begun, stop), moved=moved)


def _of_owners(found: Found, failed: Failures) -> Failures:
    """Return failures as those of images: what an image lacks of its attachments is its own."""
    told = {r: error for r, error in failed.items() if r in found.images}
    for reference, attached in found.attached.items():
        for one in attached:
            if one.reference in failed and one.reference not in found.images:
                told.setdefault(reference, failed[one.reference])
    return told


def _check_names(references: Iterable[Reference]) -> None:
    """Refuse images that are called as airgap's own are on the other side."""
    for reference in references:
        if reference.repository.startswith(_RESERVED):
            raise InputError(
                f"{reference}: names under {_RESERVED} are airgap's own on the other side",
                hint="give the image another name in a registry of yours, and pack that",
            )


def _write(
    request: Request,
    found: Found,
    rest: Payload,
    source: Source,
    progress: Progress,
    begun: float,
    stop: Stop,
) -> Result:
    draft = plan(_contents(request, found, rest, found.failed))
    progress.step("Fetching what is missing")
    lacks = bool(found.failed)
    with Writer(draft, request.output, secret=rest.secret, lacks=lacks) as writer:
        download = Download(writer, source, request.reuse, progress, stop)
        attached = found.attached_to(found.images)
        download.run([*found.images.values(), *attached.values()])
        lost = _of_owners(found, download.failed)
        failed = {**found.failed, **lost}
        result = Result(request.output, request.platforms, download.fetched, download.reused, 0)
        if failed:
            if not _may_go_on(request, found, failed):
                return _without_bundle(request, result, failed, begun)
            for reference, error in failed.items():
                progress.warn(f"left out {reference.familiar}: {error.message}")
        if lost:
            draft = plan(_contents(request, found, rest, failed))
            writer.replan(draft)
        digest = writer.commit()
    if writer.leaves:
        progress.note(
            f"{partial_of(request.output)} keeps {size(writer.leaves)} of what failed, for the next"
            " run"
        )
    for text in (*draft.warnings, *writer.warnings):
        progress.warn(text)
    if not rest.tool:
        _tell_lack(request, progress)
    images = _carried(request, found, failed)
    return replace(
        result,
        digest=digest,
        size=draft.size,
        images=list(images.values()),
        attached=list(found.attached_to(images).values()),
        failed=failed,
        unfinished=_unfinished(request, failed),
        digests=_digests(request, found, failed),
        sparse=[image.reference for image in sparse(images.values(), found.bodies)],
        docker_archive_lacks=draft.inexpressible,
        left_out=request.spec.left_out,
        image_keys=request.image_keys,
        secret=rest.secret,
        tool=platform_of(rest.tool) if rest.tool else None,
        name=request.spec.name,
        serial=request.spec.serial,
        cluster=bool(request.cluster),
        seconds=time.monotonic() - begun,
    )


def _payload(request: Request, found: Found, tool: Path | None) -> Payload:
    return payload(
        request.spec,
        request.cluster,
        found.images.get(request.spec.node_image),
        found.images.get(request.spec.registry_image),
        tool,
    )


def _contents(request: Request, found: Found, rest: Payload, failed: Failures) -> Contents:
    spec = request.spec
    of_cluster = found.images if request.cluster else {}
    own = _carried(request, found, failed)
    images = [*own.values(), *found.attached_to(own).values()]
    # What one image says is elsewhere is carried where another one has it for its own.
    carried = {b.digest for image in images for b in image.blobs if not b.is_foreign}
    return Contents(
        name=spec.name,
        serial=spec.serial,
        created=request.timestamp,
        platforms=request.platforms,
        parameters=rest.parameters,
        images=images,
        node=of_cluster.get(spec.node_image),
        registry=of_cluster.get(spec.registry_image),
        bodies=found.bodies,
        extras=[*pages(request, own.values(), found.bodies, rest), *rest.members],
        failed=tuple(failed),
        absent=found.absent - carried,
    )


def _carried(request: Request, found: Found, failed: Failures) -> dict[Reference, Image]:
    complete = (r for r in request.images if r in found.images and r not in failed)
    return {reference: found.images[reference] for reference in complete}


def _may_go_on(request: Request, found: Found, failed: Failures) -> bool:
    lacks = any(reference in failed for reference in request.vital)
    return request.keep_going and not lacks and bool(_carried(request, found, failed))


def _without_bundle(request: Request, result: Result, failed: Failures, begun: float) -> Result:
    return replace(
        result,
        error=joined(failed, request),
        failed=failed,
        unfinished=_unfinished(request, failed),
        seconds=time.monotonic() - begun,
    )


def _unfinished(request: Request, failed: Failures) -> list[str]:
    """Return the lines of the images that failed, as they were asked for."""
    spec = request.spec
    said = request.platforms if spec.platforms or spec.all_platforms else None
    lines = (
        replace(wanted, platforms=said) if wanted.platforms is None else wanted
        for wanted in request.listed
        if wanted.reference in failed
    )
    return [wanted.line for wanted in dict.fromkeys(lines)]


def _digests(request: Request, found: Found, failed: Failures) -> dict[Reference, Digest]:
    """Return what each reference is; what failed stays as the lock has it."""
    lock = request.lock or {}
    kept = {reference: lock[reference] for reference in failed if reference in lock}
    carried = {r: image.root.digest for r, image in found.images.items() if r not in failed}
    return kept | carried


def _moved(request: Request, found: Found) -> list[Moved]:
    lock = request.lock or {}
    return [Moved(reference, lock[reference], now) for reference, now in found.moved.items()]


def _tell_sparse(found: Found, progress: Progress) -> None:
    images = sparse(found.images.values(), found.bodies)
    if images:
        progress.warn(told(images))


def _tell_lack(request: Request, progress: Progress) -> None:
    """Say that the bundle brings no airgap: a cluster comes up by it alone."""
    name = file_name(request.platform)
    if request.cluster:
        progress.warn(
            f"the bundle does not carry airgap for {request.platform}: the other side needs"
            f" {name}, or airgap installed with Python 3.11 or newer; --tool FILE carries {name}"
            " along"
        )
    else:
        progress.note(f"the bundle carries no airgap: have it there, or pack with --tool {name}")
