"""airgap pack."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from airgap.cli import environment, options, results
from airgap.errors import InputError
from airgap.files import inputs

if TYPE_CHECKING:
    from airgap.pack.extras import ClusterOptions
    from airgap.pack.pack import Result
    from airgap.spec.spec import Spec

_CLUSTER_ONLY = (
    "kind_path",
    "tool",
    "tls",
    "ca_cert",
    "ca_key",
    "cluster_name",
    "node_image",
    "registry_image",
    "workers",
)


@click.command()
@click.argument("spec_path", metavar="IMAGES.txt|SPEC.yaml", type=options.FILE)
@click.option(
    "-o",
    "--output",
    type=options.OUTPUT,
    default=Path("bundle.tar"),
    show_default=True,
    help="The bundle to write.",
)
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="OS/ARCH",
    help="What to take of an image for several platforms; repeatable, or 'all'.  "
    "[default: linux on this machine's architecture]",
)
@click.option("--images-only", is_flag=True, help="Leave out what only a new cluster needs.")
@click.option("--kind", "kind_path", type=options.FILE, help="The kind binary to carry.")
@click.option(
    "--tool",
    type=options.FILE,
    help="airgap as one program, to carry along.  "
    "[default: this one, or airgap-linux-ARCH beside it]",
)
@click.option(
    "--tls",
    type=click.Choice(["bundle", "host"]),
    default="bundle",
    show_default=True,
    help="Where the registry's certificate is made: now, into the file, or by unpack.",
)
@click.option("--ca-cert", type=options.FILE, help="An own CA to sign the certificate (PEM).")
@click.option("--ca-key", type=options.FILE, help="That CA's key (PEM).")
@click.option("--cluster-name", help="The kind cluster's name.  [default: kind]")
@click.option("--node-image", metavar="IMAGE", help="kind's node image.  [default: kind's own]")
@click.option("--registry-image", metavar="IMAGE", help="The registry's image.")
@click.option("--workers", type=click.IntRange(0, 99), help="Worker nodes.  [default: 0]")
@click.option("--keep-going", is_flag=True, help="Write a bundle without the images that fail.")
@click.option(
    "--allow-foreign",
    is_flag=True,
    help="Go without layers that live outside the registry.",
)
@click.option(
    "--reuse",
    type=options.FILE,
    metavar="OLD.tar",
    help="Take what an older bundle has.",
)
@click.option(
    "--registry-mirror",
    "mirrors",
    multiple=True,
    metavar="HOST=MIRROR[/PREFIX]",
    help="Fetch the images of HOST from a mirror or pull-through proxy.",
)
@options.registry_options
@options.output_options
def pack(
    spec_path: Path,
    output: Path,
    platforms: tuple[str, ...],
    images_only: bool,
    kind_path: Path | None,
    tool: Path | None,
    tls: str,
    ca_cert: Path | None,
    ca_key: Path | None,
    cluster_name: str | None,
    node_image: str | None,
    registry_image: str | None,
    workers: int | None,
    keep_going: bool,
    allow_foreign: bool,
    reuse: Path | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
    **registry: Any,
) -> None:  # fmt: skip
    """Fetch images and write them into one bundle file.

    Takes a list of references, one a line, or a YAML definition (see docs/spec.md). Needs no
    docker. Run it again after a failure: what was fetched is kept.

    \b
    Example:
      airgap pack images.txt -o bundle.tar
      airgap pack bundles/monitoring.yaml --platform linux/arm64
    """
    from contextlib import ExitStack

    from airgap.bundle.reader import Bundle
    from airgap.pack.pack import Options
    from airgap.pack.pack import pack as run
    from airgap.sources.registry import RegistrySource
    from airgap.spec.spec import load

    console = options.console(quiet, verbose)
    spec = _override(load(spec_path), platforms, cluster_name, node_image, registry_image, workers)
    if images_only:
        _refuse_cluster_options()
    cluster = None if images_only else _cluster(spec, kind_path, tool, tls, ca_cert, ca_key)
    with ExitStack() as stack:
        chosen = Options(
            output=output,
            cluster=cluster,
            keep_going=keep_going,
            allow_foreign=allow_foreign,
            reuse=stack.enter_context(Bundle.open(reuse)) if reuse else None,
            created=environment.source_date_epoch(),
        )
        source = stack.enter_context(RegistrySource(options.registry(**registry), console))
        result = run(spec, chosen, source, console)
    if as_json:
        results.write_json(result.to_json())
    elif not quiet:
        _print(result, images_only)


def _refuse_cluster_options() -> None:
    """Refuse what would have no effect with ``--images-only``."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name in _CLUSTER_ONLY:
            raise click.UsageError(f"{parameter.opts[0]} has no effect with --images-only")


def _override(
    spec: "Spec",
    platforms: tuple[str, ...],
    cluster_name: str | None,
    node_image: str | None,
    registry_image: str | None,
    workers: int | None,
) -> "Spec":
    """Let the options win over the definition."""
    from airgap.oci.platform import Platform
    from airgap.oci.reference import Reference

    if "all" in platforms:
        spec = replace(spec, platforms=(), all_platforms=True)
    elif platforms:
        chosen = tuple(dict.fromkeys(map(Platform.asked, platforms)))
        spec = replace(spec, platforms=chosen, all_platforms=False)
    if cluster_name:
        spec = replace(spec, cluster_name=cluster_name)
    if node_image:
        spec = replace(spec, node_image=Reference.parse(node_image))
    if registry_image:
        spec = replace(spec, registry_image=Reference.parse(registry_image))
    return spec if workers is None else replace(spec, workers=workers)


def _cluster(
    spec: "Spec",
    kind_path: Path | None,
    tool: Path | None,
    tls: str,
    ca_cert: Path | None,
    ca_key: Path | None,
) -> "ClusterOptions":
    from airgap.certificates.values import Authority
    from airgap.pack.extras import ClusterOptions
    from airgap.spec.spec import KIND_VERSION

    kind = kind_path or spec.kind or Path(shutil.which("kind") or "")
    if kind == Path():
        raise InputError(
            "kind is not on PATH, and the bundle has to carry it",
            hint=f"install kind {KIND_VERSION}, name its file with --kind, or use --images-only",
        )
    authority = None
    if ca_cert or ca_key:
        if not ca_cert or not ca_key:
            raise click.UsageError("--ca-cert and --ca-key go together")
        if tls == "host":
            raise click.UsageError("--ca-cert makes the certificate now: not with --tls host")
        authority = Authority(inputs.read(ca_cert), inputs.read(ca_key))
    return ClusterOptions(kind, tls, authority, tool, environment.own_file())


def _print(result: "Result", images_only: bool) -> None:
    from airgap.progress import count, size

    left_out = f", {len(result.failed)} left out" if result.failed else ""
    results.echo(
        f"Packed {count(len(result.images), 'image')}{left_out} into {result.path}:"
        f" {size(result.size)} in {result.seconds:.1f} s"
    )
    platforms = ", ".join(map(str, result.platforms)) or "all"
    results.echo(f"  platforms  {platforms}")
    results.echo(f"  digest     {result.digest}")
    if result.fetched or result.reused:
        reused = f", {size(result.reused)} taken from the older bundle" if result.reused else ""
        results.echo(f"  fetched    {size(result.fetched)}{reused}")
    if result.docker_archive_lacks:
        names = ", ".join(reference.familiar for reference in result.docker_archive_lacks)
        results.echo(f"  not for docker load (it knows tagged images only): {names}")
    if result.secret:
        results.echo("  secret     it holds the private key of the registry's certificate")
    verb = "push" if images_only else "unpack"
    rest = " REGISTRY" if images_only else ""
    results.echo(f"Next: carry it across, then: airgap {verb} {result.path.name}{rest}")
