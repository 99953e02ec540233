"""pki: the certificate authority and the certificate of the registry in the cluster.

The CA (RFC 5280) is made for one bundle or one cluster: its key exists in memory only, and its
name constraints allow nothing but the registry's own names, so that trusting it puts no other
host at risk.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airgap.errors import TrustError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

_YEARS = 10
_BACKDATED = timedelta(hours=24)  # the isolated host's clock may be behind
_MINIMUM_LEFT = timedelta(days=60)  # of an organisation's CA
_MAX_COMMON_NAME = 64
_E = TypeVar("_E")


@dataclass(frozen=True, slots=True, repr=False)
class Tls:
    """CA certificates, a server certificate that the first one signed, and its key; all PEM.

    The repr shows nothing, since the key is secret. ``cert_pem`` is followed by intermediates
    where the CA is not a root.
    """

    ca_pem: bytes
    cert_pem: bytes
    key_pem: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Authority:
    """An organisation's own CA: its certificate, then those above it, and its key; PEM."""

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
    return _leaf([certificate], key, names)


def issue_from(authority: Authority, names: Sequence[str]) -> Tls:
    """Make a certificate for ``names`` that an organisation's own CA signs.

    Raises:
        TrustError: the CA cannot be read, is none, has expired or soon will, may not sign for
            the names, or the key is not its.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    chain = _load_chain(authority.cert_pem)
    certificate = chain[0]
    _check_ca(certificate)
    _check_time_left(certificate)
    _check_root(chain[-1])
    _check_constraints(chain, names)
    try:
        key = load_pem_private_key(authority.key_pem, None)
    except (ValueError, TypeError) as error:
        raise TrustError(
            f"the CA key cannot be read: {error}", hint="give it as PEM without a password"
        ) from error
    if _public(key) != _public(certificate):
        raise TrustError("the CA key is not that of the CA certificate", hint="check --ca-key")
    return _leaf(chain, key, names)  # type: ignore[arg-type]


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
    chain: "Sequence[x509.Certificate]",
    ca_key: "CertificateIssuerPrivateKeyTypes",
    names: Sequence[str],
) -> Tls:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    dns, addresses = _split(names)
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    alternatives += [x509.IPAddress(address) for address in addresses]
    ca = chain[0]
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    ends = (certificate.not_valid_after_utc for certificate in chain)
    end = min(now + timedelta(days=365 * _YEARS), *ends)
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
        .add_extension(_authority_key(ca), critical=False)
        .sign(ca_key, _hash_for(ca_key))
    )
    pem = serialization.Encoding.PEM
    between = [found for found in chain if found.subject != found.issuer]
    return Tls(
        b"".join(found.public_bytes(pem) for found in chain),
        b"".join(found.public_bytes(pem) for found in (certificate, *between)),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _authority_key(ca: "x509.Certificate") -> "x509.AuthorityKeyIdentifier":
    """Name the CA's key as its own certificate does: OpenSSL refuses another identifier."""
    from cryptography import x509

    found = _extension(ca, x509.SubjectKeyIdentifier)
    if found is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)


def _hash_for(key: object) -> Any:
    """Return the hash to sign with: none for the Edwards curves, which bring their own."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed448, ed25519

    edwards = (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)
    return None if isinstance(key, edwards) else hashes.SHA256()


def _extension(certificate: "x509.Certificate", kind: type[_E]) -> _E | None:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value  # type: ignore[type-var]
    except x509.ExtensionNotFound:
        return None


def _check_ca(certificate: "x509.Certificate") -> None:
    from cryptography import x509

    basic = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
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

    for limits in filter(None, (_extension(ca, x509.NameConstraints) for ca in chain)):
        for name in names:
            kind = x509.DNSName if name in _split(names)[0] else x509.IPAddress
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
