"""airgap status, up, trust, renew and teardown."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airgap.cli import ask, environment, options, results

if TYPE_CHECKING:
    from airgap.upkeep.status import Status

_STATUS_SECONDS = 7
"""For all that status asks; with docker's last answer and the start of Python it is below ten."""
_cluster_name = click.option(
    "--cluster-name", default="kind", show_default=True, help="The kind cluster."
)
_wait = click.option("--wait", is_flag=True, help="Wait for another run of airgap to end.")


@click.command()
@_cluster_name
@click.option(
    "--kubeconfig", type=options.KUBECONFIG, help="A kubeconfig that is to have the access."
)
@click.option("--deep", is_flag=True, help="Hash all content of the registry, too.")
@options.provider_option
@options.output_options
def status(
    cluster_name: str,
    kubeconfig: Path | None,
    deep: bool,
    provider: str | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Show how a cluster and its registry are.

    Exit code 7 where something is not as it should be. Answers within ten seconds, whatever
    hangs; with --deep it takes as long as reading all content does.

    \b
    Example:
      airgap status --json
    """
    from airgap.cluster.ports import Patience, Tools
    from airgap.cluster.site import Site
    from airgap.errors import ClusterError
    from airgap.upkeep.status import look

    tools = Tools()
    patience = Patience.within(_STATUS_SECONDS, tools.clock)
    site = Site.find(
        tools.engine(environment.of_host(provider), patience), cluster_name, tools, patience
    )
    found = look(site, kubeconfig, deep=deep)
    if as_json:
        results.write_json(found.to_json())
    elif not quiet:
        _print(found)
    if found.problems:
        raise ClusterError("\n".join(found.problems), hint="airgap up repairs most of it")


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
        results.echo(
            f"bundle      {bundle.name}{serial}, {bundle.images} images, {bundle.digest[:19]}"
        )
    if found.store_bytes is not None and found.store_limit:
        results.echo(f"store       {size(found.store_bytes)} of {size(found.store_limit)}")
    if found.free_bytes is not None:
        results.echo(f"free space  {size(found.free_bytes)}")


@click.command()
@_cluster_name
@click.option("--kubeconfig", type=options.KUBECONFIG, help="Where kubectl's access is written.")
@click.option("--forget-lost", is_flag=True, help="Give up workers whose containers are gone.")
@_wait
@options.provider_option
@options.output_options
def up(
    cluster_name: str,
    kubeconfig: Path | None,
    forget_lost: bool,
    wait: bool,
    provider: str | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Bring a cluster back after a reboot.

    Starts stopped nodes, waits for the API and the registry, and makes every node trust the
    registry, nodes that were added since included.

    \b
    Example:
      airgap up
    """
    from airgap.cluster.ports import Tools
    from airgap.cluster.site import Site
    from airgap.upkeep.trust import keep
    from airgap.upkeep.up import up as bring_up
    from airgap.upkeep.up import write_access
    from airgap.upkeep.visit import visit

    progress, tools = options.console(quiet, verbose), Tools()
    with visit(cluster_name, environment.of_host(provider), progress, tools, wait=wait) as engine:
        site = Site.find(engine, cluster_name, tools)
        site = bring_up(site, progress, forget_lost=forget_lost)
        keep(site, progress)
        if kubeconfig:
            write_access(site, kubeconfig, progress)
    if as_json:
        nodes = [node.name for node in site.nodes]
        access = str(kubeconfig) if kubeconfig else None
        results.write_json({"cluster": site.name, "nodes": nodes, "kubeconfig": access})


@click.command()
@_cluster_name
@click.option("--print", "only_print", is_flag=True, help="Say what would be changed, and stop.")
@click.option("--undo", is_flag=True, help="Take it back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_wait
@options.provider_option
@options.output_options
def trust(
    cluster_name: str,
    only_print: bool,
    undo: bool,
    yes: bool,
    wait: bool,
    provider: str | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Let docker on this host use the cluster's registry.

    Or podman. Writes a line into /etc/hosts and the CA into /etc/docker/certs.d, and logs docker
    in: the registry takes content from nobody else.

    \b
    Example:
      airgap trust
      docker push kind-control-plane:30443/hello:1
    """
    from airgap.cluster.ports import Tools
    from airgap.cluster.site import Site
    from airgap.upkeep.trust import wanted, withdraw
    from airgap.upkeep.visit import visit

    if undo:  # also when the cluster, or docker, is gone
        gone = withdraw(cluster_name, environment.logins(environment.of_host(provider)))
        lines = [f"removed {'from ' * change.startswith('/')}{change}" for change in gone]
        _tell(lines or ["nothing was there"], quiet=quiet or as_json)
        if as_json:
            _tell_changes(cluster_name, gone, done=True)
        return
    progress, tools = options.console(quiet, verbose), Tools()
    with visit(cluster_name, environment.of_host(provider), progress, tools, wait=wait) as engine:
        found = wanted(Site.find(engine, cluster_name, tools))
        login = environment.logins(engine.environment, engine.provider)
        for warning in found.warnings(login):
            progress.warn(warning)
        missing = found.missing(login)
        lines = missing or ["this host trusts the registry already"]
        _tell(lines, quiet=as_json or (quiet and not missing))
        if applies := bool(missing) and not only_print:
            if not yes:
                ask.confirm("Change this?")
            found.apply(login)
    if as_json:
        _tell_changes(cluster_name, missing, done=applies or not missing)


def _tell(lines: Sequence[str], *, quiet: bool) -> None:
    if not quiet:
        results.lines(lines)


def _tell_changes(cluster: str, changes: Sequence[str], *, done: bool) -> None:
    results.write_json({"cluster": cluster, "changes": list(changes), "done": done})


@click.command()
@_cluster_name
@click.option("--ca-cert", type=options.FILE, help="Your organisation's CA, instead of a new one.")
@click.option("--ca-key", type=options.FILE, help="Its key, which is kept nowhere.")
@_wait
@options.provider_option
@options.output_options
def renew(
    cluster_name: str,
    ca_cert: Path | None,
    ca_key: Path | None,
    wait: bool,
    provider: str | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Give the cluster's registry a new CA and a new key.

    No pull fails meanwhile: nodes trust both CAs first, then the registry changes, then the old
    CA goes. Run it again where it was interrupted: it goes on. Takes about a minute.

    \b
    Example:
      airgap renew
    """
    from airgap.cluster.ports import Tools
    from airgap.cluster.site import Site
    from airgap.upkeep.renew import renew as run
    from airgap.upkeep.visit import visit

    authority = options.authority(ca_cert, ca_key)
    progress, tools = options.console(quiet, verbose), Tools()
    with visit(cluster_name, environment.of_host(provider), progress, tools, wait=wait) as engine:
        ends = run(Site.find(engine, cluster_name, tools), progress, authority)
    if as_json:
        results.write_json({"cluster": cluster_name, "certificate_ends": ends.isoformat()})


@click.command()
@_cluster_name
@click.option(
    "--kubeconfig", type=options.KUBECONFIG, help="A kubeconfig to take the cluster out of."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_wait
@options.provider_option
@options.output_options
def teardown(
    cluster_name: str,
    kubeconfig: Path | None,
    yes: bool,
    wait: bool,
    provider: str | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Remove what airgap made for a cluster.

    A cluster that airgap made goes as a whole; one that it did not make stays, and loses what
    airgap put into it. Bundle files stay where they are.

    \b
    Example:
      airgap teardown --yes
    """
    from airgap.cluster.ports import Tools
    from airgap.cluster.site import Site
    from airgap.upkeep import teardown as work
    from airgap.upkeep.visit import visit

    progress, tools = options.console(quiet, verbose), Tools()
    files = [kubeconfig] if kubeconfig else environment.kubeconfigs()
    with visit(cluster_name, environment.of_host(provider), progress, tools, wait=wait) as engine:
        site = Site.look(engine, cluster_name, tools)
        if site and not yes:
            ask.confirm(work.question(site))
        own = work.Own(files, docker=environment.logins(engine.environment, engine.provider))
        outcome = work.teardown(engine, cluster_name, site, own, progress, tools.clock)
        if site is None and not outcome.removed:
            Site.find(engine, cluster_name, tools)  # says that there is none
    if as_json:
        told = {"cluster": cluster_name, "removed": outcome.removed, "kept": outcome.kept}
        results.write_json(told)
