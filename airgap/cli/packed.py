"""What pack has to say: lists for the next run, the result for people and programs."""

from pathlib import Path

from airgap.cli import results
from airgap.files import outputs
from airgap.oci.attached import number
from airgap.oci.chart import command, is_chart
from airgap.pack.result import Result
from airgap.progress import count, size
from airgap.signatures.cosign import lines
from airgap.spec.lock import lock_text


def write_lists(result: Result, failed: Path | None, lock: Path | None) -> None:
    """Write the lists that were asked for; a lock only beside a bundle.

    Raises:
        ResourceError: one cannot be written.
    """
    if failed:
        _write(failed, "".join(f"{line}\n" for line in result.unfinished))
    if lock and result.digest:
        _write(lock, lock_text(result.digests.items()))


def _write(path: Path, text: str) -> None:
    outputs.write(path, text.encode())


def tell(result: Result, *, as_json: bool, quiet: bool) -> None:
    """Tell the result, as JSON also where nothing was packed.

    Raises:
        AirgapError: nothing was packed.
    """
    if as_json:
        results.write_json(result.to_json())
    if result.error:
        raise result.error
    if not as_json and not quiet:
        _print(result)


def _print(result: Result) -> None:
    left_out = f", {len(result.failed)} left out" if result.failed else ""
    results.echo(
        f"Packed {count(len(result.images), 'image')}{left_out} into {result.path}:"
        f" {size(result.size)} in {result.seconds:.1f} s"
    )
    platforms = ", ".join(map(str, result.platforms)) or "all"
    results.echo(f"  platforms  {platforms}")
    results.echo(f"  digest     {result.digest}")
    if result.attached:
        images = count(result.with_attached, "image")
        results.echo(
            f"  attached   {number(result.attached)} to {images}: signatures, attestations, SBOMs"
        )
    for image in filter(is_chart, result.images):
        results.echo(f"  chart      {command(image)}")
    for line in lines(result.image_keys, result.images):
        results.echo(line)
    if result.fetched or result.reused:
        reused = f", {size(result.reused)} taken from what was at hand" if result.reused else ""
        results.echo(f"  fetched    {size(result.fetched)}{reused}")
    if result.docker_archive_lacks:
        names = ", ".join(reference.familiar for reference in result.docker_archive_lacks)
        results.echo(f"  not for docker load (it knows tagged images only): {names}")
    if result.secret:
        results.echo("  secret     it holds the private key of the registry's certificate")
    results.echo(f"Next: carry it across, then: airgap {_next(result)}")


def _next(result: Result) -> str:
    """Return the command for the other side."""
    if result.cluster:
        return f"unpack {result.path.name}"
    push = f"push {result.path.name} REGISTRY"
    if not result.sparse:
        return push
    images = count(len(result.sparse), "image")
    return f"{push} --flatten ({images} without all platforms: airgap help sparse-indexes)"
