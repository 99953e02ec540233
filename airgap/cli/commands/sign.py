"""airgap sign and keygen."""

import os
from pathlib import Path

import click

from airgap.cli import ask, options, results
from airgap.cli.content import BUNDLE
from airgap.files import inputs
from airgap.files.outputs import New, create


@click.command()
@click.argument("path", metavar="BUNDLE.tar", type=BUNDLE)
@click.option("--key", type=options.FILE, required=True, help="A minisign secret key.")
@click.option("--comment", default="", help="A comment that the signature vouches for.")
@click.option("--detached", is_flag=True, help="Write BUNDLE.KEYID.minisig beside the file.")
@click.option(
    "--password-env", metavar="NAME", help="The environment variable that holds the password."
)
@options.output_options
def sign(
    path: Path,
    key: Path,
    comment: str,
    detached: bool,
    password_env: str | None,
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:
    """Sign a bundle with a minisign key.

    Verifies every byte first, as airgap verify does. The signature goes into the room that every
    bundle has for it; a bundle that another key signed already gets a file beside it.

    \b
    Example:
      airgap sign bundle.tar --key release.key
    """
    from airgap.bundle.signature.sign import sign_bundle
    from airgap.console import printable
    from airgap.signatures.secret_key import SecretKey

    password, data = "", inputs.read(key)  # once: it may be a pipe
    if SecretKey.is_encrypted(data):
        password = os.environ.get(password_env or "", "") or ask.password(
            f"Password of {key}", _lacks(key, password_env)
        )
    secret = SecretKey.parse(data, password, str(key))
    # A name may have bytes that a comment may not.
    said = comment or printable(f"file:{path.name.encode(errors='replace').decode()}")
    progress = options.console(quiet, verbose)
    where = sign_bundle(path, secret, said, detached=detached, progress=progress)
    if as_json:
        results.write_json({"key_id": secret.public.name, "signature": str(where)})
    elif not quiet:
        results.echo(f"Signed by {secret.public.name}: {where}")


def _lacks(key: Path, variable: str | None) -> str:
    """Say why there is no password; CI hides secrets from runs of forks."""
    if variable:
        return f"{key} has a password, and {variable}, which --password-env names, is empty: set it"
    return f"{key} has a password: name its variable with --password-env"


@click.command()
@click.argument("path", metavar="NAME", type=click.Path(readable=False, path_type=Path))
@click.option("--force", is_flag=True, help="Also on a medium where others can read the key.")
@options.output_options
def keygen(path: Path, force: bool, quiet: bool, verbose: int, as_json: bool) -> None:
    """Make a pair of keys: NAME.key signs, NAME.pub verifies.

    The files are those of minisign. The secret key has no password: keep it where nobody else
    can read it.

    \b
    Example:
      airgap keygen release
    """
    from airgap.signatures.secret_key import SecretKey

    secret = SecretKey.generate()
    pair = (
        New(path.with_name(path.name + ".key"), secret.to_bytes(), 0o600),
        New(path.with_name(path.name + ".pub"), secret.public.to_bytes(), 0o644),
    )
    create(pair, forced=force)
    if as_json:
        made = {"secret_key": str(pair[0].path), "public_key": str(pair[1].path)}
        results.write_json({"key_id": secret.public.name, **made})
    elif not quiet:
        results.lines(f"wrote {file.path}" for file in pair)
