"""Signing: a bundle is proved, then signed in place where there is room, or beside the file."""

import os
from pathlib import Path

from airgap.bundle.format import SIGNATURE_SIZE
from airgap.bundle.head import Lead, open_file, read_lead
from airgap.bundle.medium import write_at
from airgap.bundle.reader import Bundle
from airgap.bundle.signature.check import detached_path, inner_signature
from airgap.errors import InputError, ResourceError
from airgap.files import outputs, refusals
from airgap.files.failures import guarded
from airgap.oci.digest import Digest
from airgap.progress import Progress
from airgap.signatures.secret_key import SecretKey


def sign_bundle(
    path: Path,
    key: SecretKey,
    comment: str,
    *,
    detached: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Prove a bundle, and sign it; return the file that holds the signature.

    In place where there is room. A bundle that another key signed already keeps that signature,
    and the new one goes into ``BUNDLE.KEYID.minisig`` beside it.

    Raises:
        InputError: it is no bundle, not all of it is what it must be, or the comment cannot be in
            a signature.
        ResourceError: the file cannot be written.
    """
    key.check_comment(comment)
    with Bundle.open(path) as bundle:
        bundle.verify(progress)
        proved = bundle.digest
    fd = _opened(path, detached=detached)
    try:
        lead = read_lead(fd, path, os.lseek(fd, 0, os.SEEK_END))
        if Digest.of(lead.sums) != proved:
            raise InputError(f"{path} changed while it was signed", hint="sign it again")
        data = key.sign(lead.sums, comment).to_bytes()
        if len(data) >= SIGNATURE_SIZE:
            raise InputError("the comment of the signature is too long", hint="shorten it")
        if not detached and _has_room(lead, key):
            with guarded(f"cannot sign {path}"):
                write_at(fd, data.ljust(SIGNATURE_SIZE, b"\n"), lead.signature_at)
                refusals.sync(fd)
            return path
    finally:
        os.close(fd)
    return _beside(path, key, data)


def _opened(path: Path, *, detached: bool) -> int:
    try:
        return open_file(path, os.O_RDONLY if detached else os.O_RDWR)[0]
    except ResourceError as error:
        if not detached:
            error.hint = "--detached writes the signature into a file beside the bundle"
        raise


def _has_room(lead: Lead, key: SecretKey) -> bool:
    inner = inner_signature(lead.signature)
    return inner is None or inner.key_id == key.id


def _beside(path: Path, key: SecretKey, data: bytes) -> Path:
    beside = detached_path(path, key.public)
    try:
        outputs.write(beside, data)
    except ResourceError as error:
        error.hint = "sign a copy of the bundle on a medium that can be written"
        raise
    return beside
