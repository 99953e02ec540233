"""airgap pack."""

import os
import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from airgap.cli import environment, options
from airgap.cli.attached import attached_options
from airgap.cli.places import REUSE
from airgap.errors import InputError
from airgap.files import outputs

if TYPE_CHECKING:
    from airgap.cluster.docker.exports import Exports
    from airgap.pack.extras import ClusterOptions
    from airgap.spec.spec import Spec
    from airgap.spec.wanted import Place

_SPEC = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
_CLUSTER_ONLY = (
    "kind_path",
    "tls",
    "ca_cert",
    "ca_key",
    "cluster_name",
    "node_image",
    "registry_image",
    "workers",
)


@click.command()
@click.argument("spec_path", metavar="IMAGES.txt|DEFINITION.yaml|-", type=_SPEC)
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
    "[default for a cluster: this one, or airgap-linux-ARCH beside it]",
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
    "--failed",
    "failed_path",
    type=options.OUTPUT,
    metavar="FILE",
    help="List there what failed, as an image list for the next run.",
)
@click.option(
    "--lock",
    "lock_path",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write there which digest each reference has.",
)
@click.option(
    "--locked",
    "locked_path",
    type=options.FILE,
    metavar="FILE",
    help="Pack the digests that a lock has for the tags, and list what moved.",
)
@click.option("--update", is_flag=True, help="With --locked: take what tags are now, and renew it.")
@click.option(
    "--allow-foreign",
    is_flag=True,
    help="Go without layers that live outside the registry.",
)
@attached_options
@click.option(
    "--reuse",
    type=REUSE,
    metavar="OLD.tar|PLACE",
    help="Take what an older bundle has, or an image layout or archive: oci:DIR, oci-archive:FILE, "
    "docker-archive:FILE.",
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
    ca_cert: Path | None, ca_key: Path | None,
    cluster_name: str | None,
    node_image: str | None,
    registry_image: str | None,
    workers: int | None,
    keep_going: bool, failed_path: Path | None,
    lock_path: Path | None, locked_path: Path | None, update: bool,
    allow_foreign: bool, attached: dict[str, Any],
    reuse: "Path | Place | None",
    quiet: bool,
    verbose: int,
    as_json: bool,
    **registry: Any,
) -> None:  # fmt: skip
    """Fetch images and write them into one bundle file.

    Takes a list of references, one a line, or a YAML definition (airgap help spec); - reads
    either from a pipe. Needs no docker. Run it again after a failure: what was fetched is kept.
    SOURCE_DATE_EPOCH in the environment adds a date to the bundle.

    \b
    Example:
      airgap pack images.txt -o bundle.tar
      airgap pack shop.yaml --platform linux/arm64
    """
    from airgap.cli import packed
    from airgap.pack.at_hand import at_hand
    from airgap.pack.carried.programs import Tools
    from airgap.pack.pack import pack as run
    from airgap.pack.request import Request
    from airgap.sources.choose import choose
    from airgap.sources.docker_daemon import DaemonImages
    from airgap.sources.registry import RegistrySource
    from airgap.spec.load import load
    from airgap.spec.lock import load_lock
    from airgap.transfer.stop import Stop

    console, stop = options.console(quiet, verbose), Stop()
    spec = _override(load(spec_path), platforms, cluster_name, node_image, registry_image, workers)
    _check_options(images_only=images_only, locks=(lock_path, locked_path), update=update)
    cluster = None if images_only else _cluster(spec, kind_path, tls, ca_cert, ca_key)
    with ExitStack() as stack:
        pulled = stack.enter_context(RegistrySource(options.registry(**registry), console, stop))
        daemon = DaemonImages(lambda: _daemon(stack), pulled, console)
        listed, source = choose(spec.images, pulled, stack, pulled, daemon)
        request = Request(
            spec=spec,
            listed=listed,
            output=output,
            cluster=cluster,
            tools=Tools(tool, environment.own_file()),
            keep_going=keep_going,
            allow_foreign=allow_foreign,
            reuse=stack.enter_context(at_hand(reuse, output)),
            created=environment.source_date_epoch(),
            lock=load_lock(locked_path) if locked_path else None,
            update=update,
            **attached,
        )
        result = run(request, source, console, stop)
    packed.write_lists(result, failed_path, locked_path if update else lock_path)
    packed.tell(result, as_json=as_json, quiet=quiet)


def _check_options(
    *, images_only: bool, locks: tuple[Path | None, Path | None], update: bool
) -> None:
    """Refuse options that have no effect together."""
    if all(locks):
        raise click.UsageError("--lock makes a lock, --locked keeps to one: give either")
    if update and not locks[1]:
        raise click.UsageError("--update renews the lock of --locked FILE: name it")
    if update and locks[1]:
        outputs.check(locks[1])
    context = click.get_current_context()
    for parameter in context.command.params if images_only else ():
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
    from airgap.oci.reference import Reference
    from airgap.spec.wanted import platforms as read

    if platforms:
        with options.on_the_command_line("--platform"):
            chosen = read(platforms)
        spec = replace(spec, platforms=chosen, all_platforms=not chosen)
    if cluster_name:
        spec = replace(spec, cluster_name=cluster_name)
    if node_image:
        with options.on_the_command_line("--node-image"):
            spec = replace(spec, node_image=Reference.parse(node_image))
    if registry_image:
        with options.on_the_command_line("--registry-image"):
            spec = replace(spec, registry_image=Reference.parse(registry_image))
    return spec if workers is None else replace(spec, workers=workers)


def _daemon(stack: ExitStack) -> "Exports":
    """Connect to docker, which is asked only where an image is to come from it."""
    from airgap.cluster.docker.exports import Exports

    found = Exports.connect(os.environ)
    stack.callback(found.close)
    return found


def _cluster(
    spec: "Spec",
    kind_path: Path | None,
    tls: str,
    ca_cert: Path | None,
    ca_key: Path | None,
) -> "ClusterOptions":
    from airgap.pack.extras import ClusterOptions
    from airgap.spec.defaults import KIND_VERSION

    kind = kind_path or spec.kind or Path(shutil.which("kind") or "")
    if kind == Path():
        raise InputError(
            "kind is not on PATH, and the bundle has to carry it",
            hint=f"install kind {KIND_VERSION}, name its file with --kind, or use --images-only",
        )
    authority = options.authority(ca_cert, ca_key)
    if authority and tls == "host":
        raise click.UsageError("--ca-cert makes the certificate now: not with --tls host")
    return ClusterOptions(kind, tls, authority)
