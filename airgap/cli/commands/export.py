"""airgap export."""

from pathlib import Path

import click

from airgap.cli import options, results
from airgap.cli.content import CONTENT, open_content


@click.command()
@click.argument("path", metavar="BUNDLE.tar|LAYOUT", type=CONTENT)
@click.argument("references", metavar="[REFERENCE]...", nargs=-1)
@click.option(
    "-o", "--output", required=True, type=options.OUTPUT, metavar="FILE",
    help="The archive to write.",
)  # fmt: skip
@click.option("--platform", metavar="OS/ARCH", help="Which platform of images that have several.")
@options.keys_option
@options.output_options
def export(
    path: Path,
    references: tuple[str, ...],
    output: Path,
    platform: str | None,
    keys: tuple[str, ...],
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:
    """Write images of a bundle as one archive for importers.

    For hosts without a registry: docker load, podman load, ctr images import, and the images
    folder of k3s and RKE2 take it whole. Without a REFERENCE all images are written. Artifacts,
    such as charts, need a registry and are left out, each by name. Also takes an OCI image layout.

    \b
    Example:
      airgap export bundle.tar -o images.tar nginx:1.27
      ctr -n k8s.io images import images.tar
    """
    from airgap.export.archive import plan
    from airgap.export.choose import choose
    from airgap.files import outputs
    from airgap.oci.platform import Platform
    from airgap.progress import count, size

    console = options.console(quiet, verbose)
    with options.on_the_command_line("--platform"):
        wanted = Platform.asked(platform) if platform else None
    with open_content(path, options.public_keys(keys)) as content:
        archive = plan(choose(content.images, references), content, wanted)
        for name in archive.artifacts:
            console.warn(f"left out: {name.familiar} is no image; airgap push takes it along")
        outputs.stream(output, archive.write(content))
        result = {
            "output": str(output),
            "size": archive.size,
            "images": [
                {
                    "reference": str(image.reference),
                    "digest": str(image.root.digest),
                    "digest_in_bundle": str(image.was),
                }
                for image in archive.images
            ],
            "left_out": [str(name) for name in archive.artifacts],
        }
    if as_json:
        results.write_json(result)
    elif not quiet:
        results.echo(f"Wrote {count(len(archive.images), 'image')}, {size(archive.size)}: {output}")
        others = [image for image in archive.images if not image.keeps_digest]
        if others:
            results.echo(
                f"  {count(len(others), 'image')} of one platform out of several: found by tag,"
                " not by the digest of all platforms"
            )
