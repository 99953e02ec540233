"""pki: the certificate authority and the certificate of the registry in the cluster.

The CA (RFC 5280) is made for one bundle or one cluster: its key exists in memory only, and its
name constraints allow nothing but the registry's own names, so that trusting it puts no other
host at risk.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airgap.errors import TrustError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

_YEARS = 10
_BACKDATED = timedelta(hours=24)  # the isolated host's clock may be behind
_MAX_COMMON_NAME = 64


@dataclass(frozen=True, slots=True)
class Tls:
    """A CA certificate, a server certificate that it signed, and the server's key; all PEM."""

    ca_pem: bytes
    cert_pem: bytes
    key_pem: bytes


@dataclass(frozen=True, slots=True)
class Authority:
    """An organisation's own CA: certificate and key, PEM."""

    cert_pem: bytes
    key_pem: bytes


def issue(names: Sequence[str]) -> Tls:
    """Make a CA that may sign nothing but ``names``, and a certificate for them.

    Args:
        names: DNS names and IP addresses; at least one.

    Both last ten years: where nobody can reach the host to renew it, a certificate that expires
    early only breaks it, and its key protects one registry.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _make_ca(key, names)
    return _leaf(certificate, key, names)


def issue_from(authority: Authority, names: Sequence[str]) -> Tls:
    """Make a certificate for ``names`` that an organisation's own CA signs.

    Raises:
        TrustError: the CA cannot be read, is none, has expired, or the key is not its.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    certificate = _load(authority.cert_pem, "the CA certificate")
    _check_ca(certificate)
    try:
        key = load_pem_private_key(authority.key_pem, None)
    except (ValueError, TypeError) as error:
        raise TrustError(
            f"the CA key cannot be read: {error}", hint="give it as PEM without a password"
        ) from error
    if _public(key) != _public(certificate):
        raise TrustError("the CA key is not that of the CA certificate", hint="check --ca-key")
    return _leaf(certificate, key, names)  # type: ignore[arg-type]


def covers(cert_pem: bytes, names: Sequence[str]) -> list[str]:
    """Return those of ``names`` that the certificate does not hold for.

    Raises:
        TrustError: the certificate cannot be read.
    """
    from cryptography import x509

    certificate = _load(cert_pem, "the certificate")
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return list(names)
    held = {str(name).lower() for name in found.get_values_for_type(x509.DNSName)}
    held |= {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    return [name for name in names if _canonical(name) not in held]


def expiry(cert_pem: bytes) -> datetime:
    """Return when a certificate ends (UTC).

    Raises:
        TrustError: the certificate cannot be read.
    """
    return _load(cert_pem, "the certificate").not_valid_after_utc


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
    if _public(key) != _public(certificate):
        raise TrustError("tls.key is not the key of tls.crt", hint=_HINT)
    _check_dates(certificate, "tls.crt")


_HINT = "pack the bundle again"


def _make_ca(key: "CertificateIssuerPrivateKeyTypes", names: Sequence[str]) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    dns, addresses = _split(names)
    permitted: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    permitted += [x509.IPAddress(ipaddress.ip_network(str(a))) for a in addresses]
    # A verifier applies constraints by type: without one entry of a type, all names of that type
    # would be allowed. Unused types are shut with a range that holds nothing.
    if not dns:
        permitted.append(x509.DNSName("invalid"))
    now = datetime.now(UTC)
    usage = _usage(sign=True)
    return (
        x509.CertificateBuilder()
        .subject_name(_name("airgap registry CA"))
        .issuer_name(_name("airgap registry CA"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )


def _leaf(
    ca: "x509.Certificate", ca_key: "CertificateIssuerPrivateKeyTypes", names: Sequence[str]
) -> Tls:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    dns, addresses = _split(names)
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    alternatives += [x509.IPAddress(address) for address in addresses]
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    end = min(now + timedelta(days=365 * _YEARS), ca.not_valid_after_utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(names[0][:_MAX_COMMON_NAME]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - _BACKDATED, ca.not_valid_before_utc))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return Tls(
        ca.public_bytes(pem),
        certificate.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _check_ca(certificate: "x509.Certificate") -> None:
    from cryptography import x509

    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        basic = None
    if basic is None or not basic.ca:
        raise TrustError(
            "the CA certificate is not that of a CA", hint="it needs basicConstraints CA:TRUE"
        )
    _check_dates(certificate, "the CA certificate")


def _check_dates(certificate: "x509.Certificate", what: str) -> None:
    now = datetime.now(UTC)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= now < end:
        raise TrustError(
            f"{what} is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}, and it is {now:%Y-%m-%d}",
            hint="check this host's clock with date, then the certificate",
        )


def _load(pem: bytes, what: str) -> "x509.Certificate":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise TrustError(f"{what} cannot be read: no PEM certificate", hint=_HINT) from error


def _public(holder: object) -> bytes:
    from cryptography.hazmat.primitives import serialization

    found: bytes = holder.public_key().public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found


def _usage(*, sign: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not sign,
        key_cert_sign=sign,
        crl_sign=sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _split(
    names: Sequence[str],
) -> tuple[list[str], list[ipaddress.IPv4Address | ipaddress.IPv6Address]]:
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
