"""airgap push."""

from pathlib import Path
from typing import Any

import click

from airgap.cli import options, results
from airgap.errors import InputError


@click.command()
@click.argument("bundle_path", metavar="BUNDLE.tar", type=options.FILE)
@click.argument("registry_name", metavar="REGISTRY[/PREFIX]")
@click.option(
    "--short-names", is_flag=True, help="Also as PATH:TAG, where no other image claims that."
)
@click.option(
    "--flatten", is_flag=True, help="Leave out indexes that name platforms which are not carried."
)
@click.option(
    "--chunk-size",
    type=click.IntRange(1),
    metavar="MIB",
    help="Send larger blobs in requests of so many MiB, for a proxy that limits them.",
)
@options.keys_option
@options.registry_options
@options.output_options
def push(
    bundle_path: Path,
    registry_name: str,
    keys: tuple[str, ...],
    short_names: bool,
    flatten: bool,
    chunk_size: int | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
    **registry: Any,
) -> None:
    """Push every image of a bundle into a registry that exists.

    Each image lands as REGISTRY/[PREFIX/]HOST/PATH:TAG under its upstream host. What is there
    already is not sent again.

    \b
    Example:
      airgap push bundle.tar registry.example.org/mirror --ca ca.crt
    """
    from airgap.bundle.reader import Bundle
    from airgap.oci.image import flattened
    from airgap.progress import count
    from airgap.targets.naming import Naming
    from airgap.targets.registry import RegistryTarget
    from airgap.transfer.push import push as copy
    from airgap.transfer.stop import Stop

    console = options.console(quiet, verbose)
    endpoint, _, prefix = registry_name.partition("/")
    if not endpoint or "://" in registry_name:
        raise InputError(
            f"{registry_name!r} is no registry", hint="write it as HOST[:PORT][/PREFIX]"
        )
    chosen = options.registry(**registry)
    with Bundle.open(bundle_path, options.public_keys(keys)) as bundle:
        images = list(bundle.images)
        if flatten:
            images = [flattened(i, lambda d: bundle.manifest_bytes(d.digest)) for i in images]
        many = count(len(images), "image")
        console.step(f"Pushing {many} to {registry_name}")
        names = Naming(prefix, short_names=short_names).names(images)
        stop = Stop()
        chunk = (chunk_size or 0) << 20
        with RegistryTarget(endpoint, chosen, console, chunk_size=chunk, stop=stop) as target:
            report = copy(images, bundle, target, console, names=names, stop=stop)
    if as_json:
        results.write_json(report.to_json())
    report.check()
    if not as_json and not quiet:
        results.echo(f"Pushed {many} to {registry_name}: {report.summary()}")
