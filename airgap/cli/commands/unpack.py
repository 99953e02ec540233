"""airgap unpack."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airgap.cli import environment, options, results
from airgap.cli.content import BUNDLE

if TYPE_CHECKING:
    from airgap.unpack.receipt import Receipt


@click.command()
@click.argument("bundle_path", metavar="BUNDLE.tar", type=BUNDLE)
@click.option("--cluster-name", help="Instead of the bundle's cluster name.")
@click.option(
    "--host-port", type=click.IntRange(1, 65535), help="The registry's port here.  [default: 30443]"
)
@click.option("--workers", type=click.IntRange(0, 99), help="Instead of the bundle's number.")
@click.option(
    "--storage",
    type=click.IntRange(1, 1 << 20),
    help="GiB that the registry's store may take.  [default: as it was, or 100]",
)
@click.option("--retain", is_flag=True, help="Keep the cluster also when a step fails.")
@click.option(
    "--smoke-test/--no-smoke-test",
    default=True,
    show_default=True,
    help="Run one image on every node at the end.",
)
@click.option("--kubeconfig", type=options.KUBECONFIG, help="Where kubectl's access is written.")
@click.option("--verify-first", is_flag=True, help="Verify the whole file before all else.")
@click.option("--kind-patch", type=options.FILE, help="A kind configuration to merge in.")
@click.option("--kind", "kind_path", type=options.FILE, help="A kind binary to use.")
@click.option(
    "--accept-unsigned", is_flag=True, help="Without a signature, also where a signer is known."
)
@click.option(
    "--allow-rollback", is_flag=True, help="Also with a lower serial than the one that landed."
)
@click.option(
    "--tls",
    type=click.Choice(["bundle", "host"]),
    default="bundle",
    show_default=True,
    help="Take the registry's key from the bundle, or make one here.",
)
@click.option(
    "--registry-auth",
    type=click.Choice(["write", "all"]),
    help="Who needs a password: who writes, or who reads, too.  [default: as the cluster has it]",
)
@click.option("--without-attached", is_flag=True, help="Leave signatures, attestations and SBOMs.")
@click.option("--wait", is_flag=True, help="Wait for another run of airgap to end.")
@options.provider_option
@options.keys_option
@options.output_options
def unpack(
    bundle_path: Path,
    keys: tuple[str, ...],
    cluster_name: str | None,
    host_port: int | None,
    workers: int | None,
    storage: int | None,
    retain: bool,
    smoke_test: bool,
    kubeconfig: Path | None,
    verify_first: bool,
    kind_patch: Path | None,
    kind_path: Path | None,
    accept_unsigned: bool,
    allow_rollback: bool,
    tls: str,
    registry_auth: str | None,
    without_attached: bool,
    wait: bool,
    provider: str | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Bring up a kind cluster whose registry serves a bundle.

    Needs docker and its command line program, or podman as root, and no network. Run it again at
    any time: what is done is not done twice. A second bundle goes into the same cluster.

    \b
    Example:
      airgap unpack bundle.tar
      kubectl run nginx --image=nginx:1.27
    """
    from airgap.bundle.reader import Bundle
    from airgap.unpack.options import Options
    from airgap.unpack.unpack import unpack as run

    chosen = Options(
        cluster_name=cluster_name,
        host_port=host_port,
        workers=workers,
        storage=storage,
        retain=retain,
        smoke_test=smoke_test,
        kubeconfigs=[kubeconfig] if kubeconfig else environment.kubeconfigs(),
        verify_first=verify_first,
        kind_patch=kind_patch,
        kind=kind_path,
        accept_unsigned=accept_unsigned,
        allow_rollback=allow_rollback,
        own_key=tls == "host",
        registry_auth=registry_auth,
        attached=not without_attached,
        wait=wait,
        environment=environment.of_host(provider),
        proxies=environment.proxies(),
    )
    with Bundle.open(bundle_path, options.public_keys(keys)) as bundle:
        result = run(bundle, chosen, options.console(quiet, verbose))
    if as_json:
        results.write_json(result.to_json())
    elif not quiet:
        _print(result)


def _print(result: "Receipt") -> None:
    made = "made" if result.created else "kept"
    results.echo(f"Unpacked {result.images} images in {result.seconds:.1f} s")
    results.echo(f"  cluster    {result.cluster} ({made})")
    results.echo(f"  registry   {result.registry}")
    results.echo(f"  push       {result.push.summary()}")
    for tag in result.push.left_alone:
        results.echo(f"  not moved  {tag}: it exists with another digest")
    access = f"--kubeconfig {result.kubeconfig} " if result.kubeconfig else ""
    context = f"--context kind-{result.cluster}"
    results.echo(f"Next: kubectl {access}{context} run NAME --image=IMAGE, with the usual names")
