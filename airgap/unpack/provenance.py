"""Who made a bundle, and whether a cluster takes it after those that landed before."""

from collections.abc import Sequence

from airgap.bundle.reader import Bundle
from airgap.cluster.objects.landed import Landed
from airgap.errors import TrustError
from airgap.progress import Progress
from airgap.signatures.minisign import Proof, PublicKey
from airgap.unpack.options import Options


def announce(bundle: Bundle, progress: Progress) -> None:
    """Say who made a bundle, before anything is done with it."""
    for proof in bundle.proofs:
        progress.note(f"signed by {proof.key.name} ({proof.comment})")
    if not bundle.proofs:
        progress.warn("not verified: who made this bundle; --key KEY.pub verifies it")


def check(
    bundle: Bundle, before: Sequence[Landed], options: Options, progress: Progress
) -> tuple[str, ...]:
    """Check that a cluster may take a bundle; returns the keys whose signatures hold.

    Args:
        bundle: which.
        before: what landed in the cluster.
        options: may accept what is unsigned, or older.
        progress: is told which key of those before signed it.

    Raises:
        TrustError: those before were signed, and this one is not, by none of their keys and none
            that was given; or a later one of its name landed.
    """
    _check_serial(bundle, before, options)
    digest, given = str(bundle.digest), [str(proof.key) for proof in bundle.proofs]
    proved = [signer for each in before if each.digest == digest for signer in each.signers]
    known = sorted({signer for each in before for signer in each.signers})
    if given or proved or not known or options.accept_unsigned:
        return tuple(dict.fromkeys([*proved, *given]))
    keys = [PublicKey.parse(text) for text in known]
    try:
        proofs = _proofs(bundle, keys)
    except TrustError as error:
        names = ", ".join(key.name for key in keys)
        raise TrustError(
            f"what landed here before was signed by {names}, and this bundle is not:"
            f" {error.message}",
            hint="--key names another signer, --accept-unsigned takes it from anybody",
        ) from error
    for proof in proofs:
        progress.note(f"signed by {proof.key.name}, as what landed before ({proof.comment})")
    return tuple(str(proof.key) for proof in proofs)


def _proofs(bundle: Bundle, keys: Sequence[PublicKey]) -> Sequence[Proof]:
    """Return which of the keys signed a bundle that is open already."""
    with Bundle.open(bundle.path, keys) as again:
        if again.digest != bundle.digest:
            raise TrustError(f"{bundle.path} was replaced meanwhile", hint="run this again")
        return again.proofs


def _check_serial(bundle: Bundle, before: Sequence[Landed], options: Options) -> None:
    name, serial = bundle.table.name, bundle.table.serial
    last = max((b.serial for b in before if b.name == name and b.serial is not None), default=None)
    if last is None or options.allow_rollback or (serial is not None and serial >= last):
        return
    what = "no serial" if serial is None else f"serial {serial}"
    raise TrustError(
        f"{bundle.path} is {name!r} with {what}, and serial {last} of it landed here before",
        hint="unpack the newer one; --allow-rollback goes back to this one",
    )
