"""The registry's certificate and key that a bundle carries."""

from airgap.bundle.format import CA, CERTIFICATE, KEY
from airgap.bundle.reader import Bundle
from airgap.certificates.prove import check
from airgap.certificates.values import Tls


def carried_tls(bundle: Bundle) -> Tls | None:
    """Return the certificate that a bundle carries with its key; None where it carries none.

    Raises:
        TrustError: certificate, key and CA do not belong together.
    """
    if KEY not in {member.name for member in bundle.members()}:
        return None
    tls = Tls(*(bundle.member(name) for name in (CA, CERTIFICATE, KEY)))
    check(tls)
    return tls
