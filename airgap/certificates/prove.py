"""What a certificate says, and whether it may be believed (RFC 5280)."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from airgap.certificates.values import Tls
from airgap.errors import TrustError

if TYPE_CHECKING:
    from cryptography import x509

_MINIMUM_LEFT = timedelta(days=60)  # of an organisation's CA
_HINT = "pack the bundle again"
_E = TypeVar("_E")


def covers(cert_pem: bytes, names: Sequence[str]) -> list[str]:
    """Return those of ``names`` that the certificate does not hold for.

    Raises:
        TrustError: the certificate cannot be read.
    """
    held = {_canonical(name) for name in names_of(cert_pem)}
    return [name for name in names if _canonical(name) not in held]


def names_of(cert_pem: bytes) -> list[str]:
    """Return the names and addresses that a certificate holds for.

    Raises:
        TrustError: the certificate cannot be read.
    """
    from cryptography import x509

    found = extension(_load(cert_pem, "the certificate"), x509.SubjectAlternativeName)
    if found is None:
        return []
    addresses = found.get_values_for_type(x509.IPAddress)
    return [*found.get_values_for_type(x509.DNSName), *map(str, addresses)]


def leaf(cert_pem: bytes) -> bytes:
    """Return the first certificate of a chain, as PEM.

    Raises:
        TrustError: the certificate cannot be read.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    return _load(cert_pem, "the certificate").public_bytes(Encoding.PEM)


def expiry(cert_pem: bytes) -> datetime:
    """Return when a certificate ends (UTC).

    Raises:
        TrustError: the certificate cannot be read.
    """
    return _load(cert_pem, "the certificate").not_valid_after_utc


def validity(cert_pem: bytes) -> tuple[datetime, datetime]:
    """Return from when until when a certificate counts (UTC).

    Raises:
        TrustError: the certificate cannot be read.
    """
    certificate = _load(cert_pem, "the certificate")
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def check(tls: Tls) -> None:
    """Prove that key, certificate and CA belong together and that the certificate is valid now.

    Raises:
        TrustError: they do not, naming what is wrong.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    ca, certificate = _load(tls.ca_pem, "ca.crt"), _load(tls.cert_pem, "tls.crt")
    _check_ca(ca)
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise TrustError("tls.crt is not signed by ca.crt", hint=_HINT) from error
    try:
        key = load_pem_private_key(tls.key_pem, None)
    except (ValueError, TypeError) as error:
        raise TrustError("tls.key cannot be read", hint=_HINT) from error
    if public(key) != public(certificate):
        raise TrustError("tls.key is not the key of tls.crt", hint=_HINT)
    _check_dates(certificate, "tls.crt")


def prove_authority(cert_pem: bytes, names: Sequence[str]) -> "list[x509.Certificate]":
    """Return an organisation's CA and those above it, if it may sign for ``names``.

    Raises:
        TrustError: it cannot be read, is no CA, has expired or soon will, is without its root,
            or its name constraints forbid one of the names.
    """
    chain = _load_chain(cert_pem)
    _check_ca(chain[0])
    _check_time_left(chain[0])
    _check_root(chain[-1])
    _check_constraints(chain, names)
    return chain


def _check_ca(certificate: "x509.Certificate") -> None:
    from cryptography import x509

    basic = extension(certificate, x509.BasicConstraints)
    usage = extension(certificate, x509.KeyUsage)
    if basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign):
        raise TrustError(
            "the CA certificate is not that of a CA",
            hint="it needs basicConstraints CA:TRUE and, if it has a keyUsage, keyCertSign",
        )
    _check_dates(certificate, "the CA certificate")


def _check_time_left(certificate: "x509.Certificate") -> None:
    end = certificate.not_valid_after_utc
    if end - datetime.now(UTC) < _MINIMUM_LEFT:
        raise TrustError(
            f"the CA certificate ends on {end:%Y-%m-%d}, within {_MINIMUM_LEFT.days} days",
            hint="renew the CA first: the registry stops on that day",
        )


def _check_root(certificate: "x509.Certificate") -> None:
    """Refuse a chain without its root: OpenSSL, and so Python and curl, trust roots alone."""
    if certificate.subject != certificate.issuer:
        raise TrustError(
            "the CA certificate is an intermediate, and the root above it is not in the file",
            hint="append the root's certificate: cat intermediate.crt root.crt > ca.crt",
        )


def _check_constraints(chain: "Sequence[x509.Certificate]", names: Sequence[str]) -> None:
    """Refuse names that a CA may not sign for: every client would refuse them later."""
    from cryptography import x509

    for limits in filter(None, (extension(ca, x509.NameConstraints) for ca in chain)):
        for name in names:
            kind = x509.DNSName if name in split(names)[0] else x509.IPAddress
            own = [c for c in limits.permitted_subtrees or () if isinstance(c, kind)]
            out = [c for c in limits.excluded_subtrees or () if isinstance(c, kind)]
            permitted = not own or any(_within(name, c.value) for c in own)
            if not permitted or any(_within(name, c.value) for c in out):
                raise TrustError(
                    f"the CA may not sign for {name}: its name constraints forbid it",
                    hint="use another CA, or leave --ca-cert out: airgap then makes its own",
                )


def _within(name: str, limit: object) -> bool:
    if isinstance(limit, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return ipaddress.ip_address(name) in limit
    domain = str(limit).lower().lstrip(".")
    return not domain or name == domain or name.endswith(f".{domain}")


def _check_dates(certificate: "x509.Certificate", what: str) -> None:
    now = datetime.now(UTC)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= now < end:
        raise TrustError(
            f"{what} is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}, and it is {now:%Y-%m-%d}",
            hint="check this host's clock with date, then the certificate",
        )


def _load_chain(pem: bytes) -> "list[x509.Certificate]":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise TrustError(
            "the CA certificate cannot be read: no PEM certificate", hint="check --ca-cert"
        ) from error


def _load(pem: bytes, what: str) -> "x509.Certificate":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise TrustError(f"{what} cannot be read: no PEM certificate", hint=_HINT) from error


def public(holder: object) -> bytes:
    """Return the public key of a key or a certificate, as DER."""
    from cryptography.hazmat.primitives import serialization

    found: bytes = holder.public_key().public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found


def extension(certificate: "x509.Certificate", kind: type[_E]) -> _E | None:
    """Return what an extension says, None where there is none."""
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value  # type: ignore[type-var]
    except x509.ExtensionNotFound:
        return None


def split(
    names: Sequence[str],
) -> tuple[list[str], list[ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    """Sort names into DNS names, in lower case, and addresses."""
    dns: list[str] = []
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for name in names:
        try:
            addresses.append(ipaddress.ip_address(name))
        except ValueError:
            dns.append(name.lower())
    return dns, addresses


def _canonical(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()
