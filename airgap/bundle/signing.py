"""Where a bundle keeps its signatures.

What is signed is SHA256SUMS, which names all the rest. The first signer's signature stands in
the bundle, those of others beside it.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from airgap.bundle.format import SIGNATURE, SIGNATURE_SIZE
from airgap.bundle.head import open_file, read_lead
from airgap.bundle.medium import write_at
from airgap.errors import InputError
from airgap.files import inputs, outputs, refusals
from airgap.files.failures import guarded
from airgap.signatures.minisign import MAX_FILE, PublicKey, Signature
from airgap.signatures.secret_key import SecretKey


def sign_bundle(path: Path, key: SecretKey, comment: str, *, detached: bool = False) -> Path:
    """Sign a bundle, in place where there is room; return the file that holds the signature.

    A bundle that another key signed already keeps that signature, and the new one goes into
    ``BUNDLE.KEYID.minisig`` beside it.

    Raises:
        InputError: it is no bundle, or the comment is too long.
        ResourceError: the file cannot be written.
    """
    fd, size = open_file(path, os.O_RDONLY if detached else os.O_RDWR)
    try:
        lead = read_lead(fd, path, size)
        data = key.sign(lead.sums, comment).to_bytes()
        if len(data) >= SIGNATURE_SIZE:
            raise InputError("the comment of the signature is too long")
        inner = inner_signature(lead.signature)
        if not detached and (inner is None or inner.key_id == key.id):
            with guarded(f"cannot sign {path}"):
                write_at(fd, data.ljust(SIGNATURE_SIZE, b"\n"), lead.signature_at)
                refusals.sync(fd)
            return path
    finally:
        os.close(fd)
    beside = detached_path(path, key.public)
    outputs.write(beside, data)
    return beside


def detached_path(path: Path, key: PublicKey) -> Path:
    """Return where a key's signature lies beside a bundle."""
    return path.with_name(f"{path.name}.{key.name}.minisig")


def inner_signature(zone: bytes) -> Signature | None:
    """Return the signature in the bundle itself, None where there is none.

    Raises:
        TrustError: something else is there.
    """
    return None if not zone.strip(b"\n") else Signature.parse(zone, SIGNATURE)


def signatures(path: Path, zone: bytes, keys: Sequence[PublicKey]) -> list[Signature]:
    """Return the signature in the bundle, and those of the given keys beside it.

    Raises:
        TrustError: one of them is no signature.
    """
    found = [inner_signature(zone)]
    for key in keys:
        beside = detached_path(path, key)
        if inputs.is_file(beside):
            with inputs.opened(beside) as file:
                found.append(Signature.parse(file.read(MAX_FILE + 1), str(beside)))
    return [signature for signature in found if signature]
