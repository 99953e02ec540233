"""airgap serve."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airgap.cli import options, results
from airgap.cli.content import CONTENT, open_content, warn_of_key
from airgap.cli.failure import Terminated
from airgap.errors import InputError
from airgap.files import outputs

if TYPE_CHECKING:
    from airgap.certificates.values import Tls
    from airgap.console import Console
    from airgap.serve.server import Content

_THIS_HOST = ("127.0.0.1", "::1", "localhost")


@click.command()
@click.argument("path", metavar="BUNDLE.tar|LAYOUT", type=CONTENT)
@click.option(
    "--listen",
    default="127.0.0.1:5000",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to answer; [::1]:5000 for IPv6, port 0 for a free one.",
)
@click.option("--plain-http", is_flag=True, help="Serve http instead of https.")
@click.option(
    "--host", "hosts", multiple=True, help="A further name of the certificate that is made."
)
@click.option("--ca-out", type=options.OUTPUT, help="Write the CA to trust into this file.")
@click.option("--user", metavar="NAME", help="Be this user once it listens, and not root any more.")
@options.keys_option
@options.json_option
@options.progress_option
@click.option("-v", "--verbose", count=True, help="Say every request.")
@click.option("-q", "--quiet", is_flag=True, help="Say only warnings and errors.")
def serve(
    path: Path,
    listen: str,
    plain_http: bool,
    hosts: tuple[str, ...],
    ca_out: Path | None,
    user: str | None,
    keys: tuple[str, ...],
    verbose: int,
    quiet: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Serve a bundle as a read-only registry.

    It reads straight out of the file. Every image answers under its full name (HOST/PATH:TAG) and
    its short one. Also takes an OCI image layout folder. Stops at Ctrl-C.

    \b
    Example:
      airgap serve bundle.tar --plain-http
      docker pull localhost:5000/nginx:1.27
    """
    from airgap.cli.identity import User
    from airgap.serve.server import Server
    from airgap.serve.tls import server_context

    console = options.console(quiet, verbose)
    with options.on_the_command_line("--listen"):
        host, port = _address(listen)
    identity = User.named(user) if user else None
    with open_content(path, options.public_keys(keys)) as content:
        warn_of_key(content, console)
        tls = None if plain_http else _certificate(content, [host, *hosts])
        context = server_context(tls) if tls else None
        with Server(content.images, content, (host, port), console, context) as server:
            try:
                url = f"{'http' if plain_http else 'https'}://{listen}"
                _tell(console, content, url, server.port)
                if tls:
                    _trust(console, tls, ca_out)
                elif host not in _THIS_HOST:
                    console.warn("plain http: whoever is on the way can read and change it all")
                if identity:
                    identity.become()
                    console.note(f"from now on as {identity.name}")
                if as_json:
                    _tell_json(content, path, url, server.port, ca_out if tls else None)
                server.wait()
            except (KeyboardInterrupt, Terminated):
                _stopped(console, server.troubles)


def _tell(console: "Console", content: "Content", url: str, port: int) -> None:
    from airgap.progress import count

    base, _, _ = url.rpartition(":")
    console.step(f"Serving {count(len(content.images), 'image')} at {base}:{port} (Ctrl-C stops)")
    for image in content.images[:20]:
        console.note(image.reference.familiar)
    if len(content.images) > 20:
        console.note(f"and {len(content.images) - 20} more: GET /v2/_catalog lists all")


def _tell_json(content: "Content", path: Path, url: str, port: int, ca: Path | None) -> None:
    base, _, _ = url.rpartition(":")
    where = {"content": str(path), "url": f"{base}:{port}"}
    count = len(content.images)
    results.write_json({**where, "image_count": count, "ca": str(ca) if ca else None})


def _stopped(console: "Console", troubles: int) -> None:
    from airgap.progress import count

    if troubles:
        console.warn(f"{count(troubles, 'request')} went without the right answer: see above")
    console.note("stopped")


def _trust(console: "Console", tls: "Tls", ca_out: Path | None) -> None:
    """Write the CA where wanted, and say how clients come to trust it."""
    if not ca_out:
        console.note("clients need its CA: --ca-out FILE writes it; or serve with --plain-http")
        return
    outputs.write(ca_out, tls.ca_pem)
    console.note(f"its CA is in {ca_out}: curl --cacert {ca_out}; for docker, copy it to")
    console.note("/etc/docker/certs.d/HOST:PORT/ca.crt")


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InputError(f"{listen!r} is not an address", hint="write it as HOST:PORT")
    return host.strip("[]"), int(port)


def _certificate(content: "Content", names: Sequence[str]) -> "Tls":
    """Take the bundle's own certificate where it is for these names, else make one."""
    from airgap.bundle.certificate import carried_tls
    from airgap.bundle.reader import Bundle
    from airgap.certificates.make import issue
    from airgap.certificates.prove import covers

    wanted = [name for name in names if name not in ("0.0.0.0", "::")]  # noqa: S104  (not a name)
    carried = carried_tls(content) if isinstance(content, Bundle) else None
    if carried and not covers(carried.cert_pem, wanted):
        return carried
    return issue(list(dict.fromkeys([*wanted, "localhost", "127.0.0.1", "::1"])))
