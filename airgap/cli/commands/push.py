"""airgap push."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airgap.cli import options, results
from airgap.cli.content import CONTENT, open_content
from airgap.cli.naming import naming, naming_options
from airgap.errors import InputError
from airgap.files import outputs

if TYPE_CHECKING:
    from airgap.cli.content import Content
    from airgap.console import Console
    from airgap.oci.image import Image
    from airgap.oci.reference import Reference
    from airgap.registry.options import Options
    from airgap.transfer.check import Comparison
    from airgap.transfer.landing import Names
    from airgap.transfer.report import Report

_NAMED = 5


@click.command()
@click.argument("bundle_path", metavar="BUNDLE.tar|LAYOUT", type=CONTENT)
@click.argument("registry_name", metavar="REGISTRY[/PREFIX]")
@click.option(
    "--images",
    "list_path",
    type=options.FILE,
    metavar="FILE",
    help="Push only the images that this list names.",
)
@naming_options
@click.option(
    "--flatten", is_flag=True, help="Leave out indexes that name platforms which are not carried."
)
@click.option("--dry-run", is_flag=True, help="Show what would be asked of which repository.")
@click.option(
    "--check", is_flag=True, help="Send nothing; say whether all is there (exit code 9: not all)."
)
@click.option(
    "--failed",
    "failed_path",
    type=options.OUTPUT,
    metavar="FILE",
    help="List there what failed, as an image list for the next run's --images.",
)
@click.option(
    "--chunk-size",
    type=click.IntRange(1),
    metavar="MIB",
    help="Send larger blobs in requests of so many MiB, for a proxy that limits them.",
)
@click.option("--without-attached", is_flag=True, help="Leave signatures, attestations and SBOMs.")
@options.keys_option
@options.registry_options
@options.output_options
def push(
    bundle_path: Path,
    registry_name: str,
    keys: tuple[str, ...],
    list_path: Path | None,
    short_names: bool,
    name_template: str | None,
    strip_host: bool,
    map_path: Path | None,
    flatten: bool,
    dry_run: bool,
    check: bool,
    failed_path: Path | None,
    chunk_size: int | None,
    without_attached: bool,
    quiet: bool,
    verbose: int,
    as_json: bool,
    **registry: Any,
) -> None:  # fmt: skip
    """Push the images of a bundle into a registry.

    Each image lands as REGISTRY/[PREFIX/]HOST/PATH:TAG under its upstream host. What is there
    already is not sent again. The folder of an OCI image layout does as well as a bundle.

    \b
    Example:
      airgap push bundle.tar registry.example.org/mirror --ca ca.crt
    """
    if dry_run and check:
        raise click.UsageError("--dry-run asks nobody, and --check asks the registry")
    console = options.console(quiet, verbose)
    with options.on_the_command_line("REGISTRY"):
        address, prefix = _address(registry_name)
    called = naming(
        address, prefix, short_names=short_names, name_template=name_template,
        strip_host=strip_host, map_path=map_path,
    )  # fmt: skip
    chosen = options.registry(**registry)
    with open_content(bundle_path, options.public_keys(keys)) as bundle:
        chosen_images = _selected(bundle, list_path)
        carried = [i for i in chosen_images if not (without_attached and i.attached)]
        images = _flattened(carried, bundle, console) if flatten else carried
        names = called.names(images)
        for key in called.unused(bundle.images):
            console.warn(f"{map_path}: {key} is not in the bundle")
        if dry_run:
            _tell_dry_run(images, bundle, names, address, as_json=as_json)
            return
        where = f"{address}/{prefix}" if prefix else address
        job = _Job(bundle, images, names, where, chosen, (chunk_size or 0) << 20, console)
        told = job.compare() if check else job.push()
    _write_failed(failed_path, told.unfinished)
    if as_json:
        results.write_json(told.to_json() | _changed(carried, images))
    told.check()
    if not as_json and not quiet:
        results.echo(job.sentence(told))


@dataclass(frozen=True, slots=True)
class _Job:
    """Images of a bundle, and the registry where they are to be."""

    bundle: "Content"
    images: "Sequence[Image]"
    names: "Names"
    registry: str
    options: "Options"
    chunk_size: int
    console: "Console"

    @property
    def many(self) -> str:
        """How many images."""
        from airgap.progress import count

        return count(sum(not image.attached for image in self.images), "image")

    def push(self) -> "Report":
        """Bring there what is missing."""
        from airgap.targets.registry import RegistryTarget
        from airgap.transfer.push import push
        from airgap.transfer.stop import Stop

        self.console.step(f"Pushing {self.many} to {self.registry}")
        stop, address = Stop(), self.registry.partition("/")[0]
        with RegistryTarget(
            address, self.options, self.console, chunk_size=self.chunk_size, stop=stop
        ) as target:
            return push(self.images, self.bundle, target, self.console, names=self.names, stop=stop)

    def compare(self) -> "Comparison":
        """Look what is missing."""
        from airgap.targets.registry import RegistryTarget
        from airgap.transfer.check import check
        from airgap.transfer.stop import Stop

        self.console.step(f"Looking for {self.many} at {self.registry}")
        stop, address = Stop(), self.registry.partition("/")[0]
        with RegistryTarget(address, self.options, self.console, stop=stop) as target:
            return check(self.images, self.bundle, target, names=self.names, stop=stop)

    def sentence(self, told: "Report | Comparison") -> str:
        """Say how it went, where all went well."""
        from airgap.transfer.report import Report

        if isinstance(told, Report):
            return f"Pushed {self.many} to {self.registry}: {told.summary()}"
        return f"{self.many} of the bundle: all are whole at {self.registry}"


def _address(text: str) -> tuple[str, str]:
    """Return the address of a registry, and what stands before all names there."""
    from airgap.oci.reference import registry_host

    if "://" in text:
        raise InputError(
            f"{text!r} is not a registry address", hint="write it as HOST[:PORT][/PREFIX]"
        )
    host, _, prefix = text.partition("/")
    return registry_host(host), prefix


def _selected(bundle: "Content", list_path: Path | None) -> "list[Image]":
    from airgap.spec.load import load
    from airgap.transfer.selection import select

    if list_path is None:
        return list(bundle.images)
    return select(bundle.images, load(list_path).references, str(list_path))


def _flattened(images: "Sequence[Image]", bundle: "Content", console: "Console") -> "list[Image]":
    """Leave out indexes; says which images stay as they are although their index is sparse."""
    from airgap.oci.descriptor import Descriptor
    from airgap.oci.flatten import flattened, is_sparse
    from airgap.progress import count

    def load(found: Descriptor) -> bytes:
        return bundle.manifest_bytes(found.digest)

    found = [flattened(image, load) for image in images]
    stay = [image.reference.familiar for image in found if is_sparse(image, load)]
    if stay:
        more = f" and {len(stay) - _NAMED} more" if len(stay) > _NAMED else ""
        console.warn(
            f"{count(len(stay), 'image')} cannot be flattened, being asked for by digest or carried"
            f" for several platforms: {', '.join(stay[:_NAMED])}{more}"
        )
    return found


def _changed(carried: "Sequence[Image]", pushed: "Sequence[Image]") -> dict[str, Any]:
    """Return the digests that `--flatten` changed, before and after."""
    return {
        "flattened": [
            {
                "reference": str(image.reference),
                "before": str(image.root.digest),
                "after": str(flat.root.digest),
            }
            for image, flat in zip(carried, pushed, strict=True)
            if image.root.digest != flat.root.digest
        ]
    }


def _tell_dry_run(
    images: "Sequence[Image]",
    bundle: "Content",
    names: "Names",
    address: str,
    *,
    as_json: bool,
) -> None:
    from airgap.transfer.dry_run import dry_run

    asked = dry_run(images, bundle, names)
    if as_json:
        results.write_json(
            {"registry": address, "repositories": [found.to_json() for found in asked]}
        )
    else:
        results.lines(f"{address}/{found}" for found in asked)


def _write_failed(path: Path | None, references: "Sequence[Reference]") -> None:
    if path:
        outputs.write(path, "".join(f"{reference}\n" for reference in references).encode("ascii"))
