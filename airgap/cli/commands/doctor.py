"""airgap doctor."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airgap.cli import environment, options, results
from airgap.cli.content import BUNDLE

if TYPE_CHECKING:
    from airgap.unpack.doctor import Examination


@click.command()
@click.option(
    "--bundle",
    "bundle_path",
    type=BUNDLE,
    metavar="FILE",
    help="The bundle that is to be unpacked.",
)
@click.option("--cluster-name", help="Instead of the bundle's cluster name.")
@click.option("--host-port", type=click.IntRange(1, 65535), help="The registry's port here.")
@click.option(
    "--kubeconfig", type=options.KUBECONFIG, help="Where kubectl's access would be written."
)
@options.provider_option
@options.keys_option
@options.output_options
def doctor(
    bundle_path: Path | None,
    cluster_name: str | None,
    host_port: int | None,
    kubeconfig: Path | None,
    provider: str | None,
    keys: tuple[str, ...],
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:
    """Show what would stop unpack, and what to do about it.

    Looks at docker or podman, room, ports, limits, the clock, proxies and what an earlier run
    left, and changes nothing. Exit code 6 where something would stop unpack.

    \b
    Example:
      airgap doctor --bundle bundle.tar
    """
    from airgap.bundle.reader import Bundle
    from airgap.errors import ResourceError
    from airgap.unpack.doctor import examine
    from airgap.unpack.options import Options

    chosen = Options(
        cluster_name=cluster_name,
        host_port=host_port,
        kubeconfigs=[kubeconfig] if kubeconfig else environment.kubeconfigs(),
        environment=environment.of_host(provider),
        proxies=environment.proxies(),
    )
    if bundle_path:
        with Bundle.open(bundle_path, options.public_keys(keys)) as bundle:
            found = examine(bundle, chosen)
    else:
        found = examine(None, chosen)
    if as_json:
        results.write_json(found.to_json())
    elif not quiet:
        _print(found)
    if not found.is_ready:
        fatal = sum(finding.fatal for finding in found.findings)
        raise ResourceError(
            f"unpack would stop here: {fatal} of what is said above",
            hint="do what stands behind each arrow, and run airgap doctor again",
        )


def _print(found: "Examination") -> None:
    lines = [f"{name:<10} {value}" for name, value in found.facts.items()]
    for finding in found.findings:
        lines.append(f"{'stops' if finding.fatal else 'mind':<10} {finding.problem}")
        lines.append(f"{'':<10} -> {finding.remedy}")
    if not found.findings:
        lines.append("ready      nothing stands in the way")
    results.lines(lines)
