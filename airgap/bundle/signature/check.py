"""Signed: where a bundle has its signatures, the one inside and those in files beside it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airgap.bundle.format import SIGNATURE
from airgap.errors import InputError, TrustError
from airgap.files import inputs
from airgap.signatures.minisign import MAX_FILE, Proof, PublicKey, Signature, check, none_trusted


@dataclass(frozen=True, slots=True)
class Checked:
    """What the signatures of a bundle say; one that holds is enough.

    Attributes:
        proofs: those by trusted keys that hold.
        others: one sentence for each that does not, such as a file beside an older bundle.
    """

    proofs: tuple[Proof, ...] = ()
    others: tuple[str, ...] = ()


def detached_path(path: Path, key: PublicKey) -> Path:
    """Return where a key's signature lies beside a bundle."""
    return path.with_name(f"{path.name}.{key.name}.minisig")


def inner_signature(zone: bytes) -> Signature | None:
    """Return the signature in the bundle itself, None where there is none.

    Raises:
        TrustError: something else is there.
    """
    return None if not zone.strip(b"\n") else Signature.parse(zone, SIGNATURE)


def check_signatures(path: Path, sums: bytes, zone: bytes, keys: Sequence[PublicKey]) -> Checked:
    """Check the signature in the bundle, and those of the given keys beside it.

    Raises:
        TrustError: none by a trusted key is there and holds.
        ResourceError: a file beside the bundle cannot be read.
    """
    trusted = {key.id: key for key in keys}
    proofs: list[Proof] = []
    seen: list[str] = []
    failures: list[TrustError] = []
    for where, data in [(SIGNATURE, zone), *_beside(path, keys)]:
        try:
            signature = inner_signature(data)
            if signature is None:
                continue
            seen.append(signature.key_name)
            if signature.key_id in trusted:
                proofs.append(check(signature, trusted[signature.key_id], sums, where))
        except TrustError as error:
            failures.append(error)
    if not proofs:
        raise failures[0] if failures else none_trusted(seen, keys)
    return Checked(tuple(proofs), tuple(error.message for error in failures))


def _beside(path: Path, keys: Sequence[PublicKey]) -> list[tuple[str, bytes]]:
    found = []
    for key in keys:
        beside = detached_path(path, key)
        if inputs.is_file(beside, pipes=False):
            with suppress(InputError), inputs.opened(beside) as file:  # none is there
                found.append((str(beside), file.read(MAX_FILE + 1)))
    return found
