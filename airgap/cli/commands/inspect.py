"""airgap inspect and verify."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airgap.cli import options, results
from airgap.cli.attached import image_key_option, read_keys
from airgap.cli.content import CONTENT, open_content, warn_of_key
from airgap.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airgap.bundle.reader import Bundle
    from airgap.console import Console
    from airgap.inspect.contents import Contents
    from airgap.oci.image import Image
    from airgap.signatures.cosign import ImageKey
    from airgap.sources.layout import Layout


@click.command()
@click.argument("path", metavar="BUNDLE.tar|LAYOUT", type=CONTENT)
@options.keys_option
@options.output_options
def inspect(path: Path, keys: tuple[str, ...], quiet: bool, verbose: int, as_json: bool) -> None:
    """Show what is inside a bundle, or an OCI layout.

    Reads the tables and manifests, which takes no time; airgap verify hashes every byte.

    \b
    Example:
      airgap inspect bundle.tar
    """
    from airgap.bundle.reader import Bundle
    from airgap.inspect.contents import inspect as look

    told: dict[str, Any]
    with open_content(path, options.public_keys(keys)) as content:
        warn_of_key(content, options.console(quiet=False, verbose=0))
        if isinstance(content, Bundle):
            contents = look(content)
            told, lines = contents.to_json(), _lines(contents)
        else:
            images = [image.to_json() for image in content.images]
            told, lines = (
                {"layout": str(path), "images": images},
                _of_images([(i, ()) for i in content.images]),
            )
    if as_json:
        results.write_json(told)
    elif not quiet:
        results.lines(lines)


def _lines(contents: "Contents") -> list[str]:
    from airgap.progress import size

    bundle, table = contents.bundle, contents.bundle.table
    serial = f", serial {table.serial}" if table.serial is not None else ""
    created = f", created {table.created}" if table.created else ""
    lines = [
        f"bundle     {table.name}{serial}{created}, {size(bundle.size)}",
        f"digest     {bundle.digest}",
        f"platforms  {', '.join(map(str, table.platforms)) or 'all'}",
    ]
    for role, image in (("node", bundle.node), ("registry", bundle.registry)):
        if image:
            lines.append(f"{role:<10} {image.reference.familiar.partition('@')[0]}")
    if contents.tools:
        lines.append(f"tools      {', '.join(contents.tools)}")
    if contents.files:
        lines.append(f"files      {', '.join(contents.files)}")
    if contents.others:
        lines.append(f"also       {', '.join(contents.others)}")
    if contents.tls == "bundle" and contents.tls_ends:
        lines.append(
            f"secret     the registry's key is inside; valid to {contents.tls_ends:%Y-%m-%d}"
        )
    elif contents.tls:
        lines.append("tls        made by unpack; nothing secret is inside")
    if contents.proved:
        lines.append(f"signature  valid: {', '.join(contents.proved)}")
        lines += [f"           {text}" for text in contents.bundle.checked.others]
    elif contents.signer:
        lines.append(f"signature  said to be by {contents.signer}, not verified (give --key)")
    else:
        lines.append("signature  none")
    lines += _of_images(contents.images)
    return lines + [f"left out   {reference.familiar}" for reference in table.failed]


def _of_images(images: "Sequence[tuple[Image, Sequence[Image]]]") -> list[str]:
    from airgap.oci.attached import kinds
    from airgap.progress import size

    lines = [f"images     {len(images)}"]
    for image, attached in images:
        lines.append(f"  {image.reference.familiar}")
        platforms = ", ".join(map(str, image.platforms)) or "platform unknown"
        lines.append(f"    {image.root.digest.algorithm}:{image.root.digest.short}…"
                     f"  {platforms}  {size(image.size)}")  # fmt: skip
        lines += [f"    + {kinds(one)}  {size(one.size)}" for one in attached]
    return lines


@click.command()
@click.argument("path", metavar="BUNDLE.tar|LAYOUT", type=CONTENT)
@options.keys_option
@image_key_option
@options.output_options
def verify(
    path: Path,
    keys: tuple[str, ...],
    image_keys: tuple[Path, ...],
    quiet: bool,
    verbose: int,
    as_json: bool,
) -> None:
    """Verify every byte of a bundle, and its signature.

    First the signature, where a key is given, then the tables and the images' own signatures
    (--image-key), then every member against SHA256SUMS, several at a time. Of an OCI layout: all
    content that its images name.

    \b
    Example:
      airgap verify bundle.tar --key release.pub
    """
    from airgap.bundle.reader import Bundle

    begun, console = time.monotonic(), options.console(quiet, verbose)
    with open_content(path, options.public_keys(keys)) as content:
        if isinstance(content, Bundle):
            told, lines = _of_bundle(content, read_keys(image_keys), console, begun)
        elif image_keys:
            raise InputError(
                f"{path} is a folder, and only bundles keep the signatures of images",
                hint="pack it first, or omit --image-key",
            )
        else:
            told, lines = _of_layout(content, console, begun)
    if as_json:
        results.write_json(told)
    elif not quiet:
        results.lines(lines)


def _of_bundle(
    bundle: "Bundle", image_keys: "tuple[ImageKey, ...]", console: "Console", begun: float
) -> tuple[dict[str, Any], list[str]]:
    from airgap.inspect.image_keys import check_signed
    from airgap.progress import size
    from airgap.signatures.cosign import lines as signed
    from airgap.signatures.cosign import proved as told_signed

    warn_of_key(bundle, console)
    check_signed(bundle, image_keys)
    images = [image for image in bundle.images if not image.attached]
    proved = bundle.verify(console)
    seconds = time.monotonic() - begun
    signers = [proof.key.name for proof in bundle.proofs]
    told = {
        "bundle": str(bundle.path),
        "digest": str(bundle.digest),
        "member_count": proved.members,
        "size": bundle.size,
        "signature_proved": signers,
        "signature_refused": list(bundle.checked.others),
        "image_key": told_signed(image_keys, images),
        "seconds": round(seconds, 3),
    }
    rate = size(proved.size / max(seconds, 1e-9))
    lines = [
        f"Verified: {proved.members} members, {size(proved.size)}, {rate}/s",
        f"  digest     {told['digest']}",
    ]
    if signers:
        lines.append(f"  signature  valid: {', '.join(signers)}")
        lines += [f"             {text}" for text in bundle.checked.others]
    else:
        lines.append(
            "  not verified: who made it (no --key was given, so no signature was checked)"
        )
    return told, lines + signed(image_keys, images)


def _of_layout(
    layout: "Layout", console: "Console", begun: float
) -> tuple[dict[str, Any], list[str]]:
    from airgap.inspect.layout import verify as prove
    from airgap.progress import size

    proved = prove(layout, console)
    seconds = time.monotonic() - begun
    told = {
        "layout": str(layout.path),
        "image_count": proved.images,
        "blob_count": proved.blobs,
        "size": proved.size,
        "seconds": round(seconds, 3),
    }
    rate = size(proved.size / max(seconds, 1e-9))
    return told, [f"Verified: {proved.images} images, {size(proved.size)}, {rate}/s"]
