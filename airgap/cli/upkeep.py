"""airgap status, up, trust and teardown."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airgap.cli import ask, environment, options, results

if TYPE_CHECKING:
    from airgap.upkeep.upkeep import Status

_cluster_name = click.option(
    "--cluster-name", default="kind", show_default=True, help="The kind cluster."
)


@click.command()
@_cluster_name
@options.output_options
def status(cluster_name: str, quiet: bool, verbose: int, as_json: bool) -> None:
    """Tell how a cluster and its registry are.

    Exit code 7 where something is not as it should be.

    \b
    Example:
      airgap status --json
    """
    from airgap.errors import ClusterError
    from airgap.upkeep import upkeep

    with upkeep.site(cluster_name, os.environ) as site:
        found = upkeep.status(site)
    if as_json:
        results.write_json(found.to_json())
    elif not quiet:
        _print(found)
    if found.problems:
        raise ClusterError("\n".join(found.problems), hint="airgap up mends most of it")


def _print(found: "Status") -> None:
    from airgap.progress import size

    results.echo(f"cluster     {found.cluster}")
    for node in found.nodes:
        said = ["runs" if node.running else "does not run", *(["ready"] if node.ready else [])]
        said += ["trusts the registry"] if node.trusts else []
        results.echo(f"node        {node.name}: {', '.join(said)}")
    results.echo(f"registry    {found.registry or 'does not answer'}")
    if found.ca_ends:
        results.echo(f"certificate valid until {found.ca_ends:%Y-%m-%d}")
    for bundle in found.bundles:
        serial = f" serial {bundle.serial}" if bundle.serial is not None else ""
        count = len(bundle.references)
        results.echo(f"bundle      {bundle.name}{serial}, {count} images, {bundle.digest[:19]}")
    if found.free_bytes is not None:
        results.echo(f"free space  {size(found.free_bytes)}")


@click.command()
@_cluster_name
@options.verbosity_options
def up(cluster_name: str, quiet: bool, verbose: int) -> None:
    """Bring a cluster back after a reboot.

    Starts stopped nodes, waits for the API and the registry, and makes every node trust the
    registry, nodes that were added since included.

    \b
    Example:
      airgap up
    """
    from airgap.upkeep import upkeep

    with upkeep.site(cluster_name, os.environ) as site:
        upkeep.up(site, options.console(quiet, verbose))


@click.command()
@_cluster_name
@click.option("--print", "only_print", is_flag=True, help="Say what would be changed, and stop.")
@click.option("--undo", is_flag=True, help="Take it back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def trust(cluster_name: str, only_print: bool, undo: bool, yes: bool) -> None:
    """Let docker on this host use the registry by the cluster's name.

    Writes a line into /etc/hosts and the CA into /etc/docker/certs.d.

    \b
    Example:
      airgap trust
      docker push kind-control-plane:30443/hello:1
    """
    from airgap.cluster import host_trust as host
    from airgap.upkeep import upkeep

    if undo:  # also when the cluster is gone
        for change in host.undo(cluster_name) or ["nothing was there"]:
            results.echo(f"removed from {change}" if change.startswith("/") else change)
        return
    with upkeep.site(cluster_name, os.environ) as site:
        wanted = upkeep.host_trust(site)
    missing = wanted.missing()
    for change in missing or ["this host trusts the registry already"]:
        results.echo(change)
    if only_print or not missing:
        return
    if not yes:
        ask.confirm("Change this?")
    wanted.apply()


@click.command()
@_cluster_name
@click.option("--kubeconfig", type=options.FILE, help="A kubeconfig to take the cluster out of.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.verbosity_options
def teardown(
    cluster_name: str, kubeconfig: Path | None, yes: bool, quiet: bool, verbose: int
) -> None:
    """Remove a cluster and all else that airgap made for it on this host.

    Bundle files stay where they are.

    \b
    Example:
      airgap teardown --yes
    """
    from airgap.upkeep import upkeep

    with upkeep.site(cluster_name, os.environ) as site:
        names = ", ".join(node.name for node in site.nodes)
        if not yes:
            ask.confirm(f"Remove {names} and all content of the registry?")
        upkeep.teardown(
            site,
            [kubeconfig] if kubeconfig else environment.kubeconfigs(),
            options.console(quiet, verbose),
        )
