"""The certificate authority and the certificate of the registry in the cluster.

The CA (RFC 5280) is made for one bundle or one cluster: its key exists in memory only, and its
name constraints allow nothing but the registry's own names, so that trusting it puts no other
host at risk.
"""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airgap.certificates.prove import extension, prove_authority, public, split
from airgap.certificates.values import Authority, Tls
from airgap.errors import TrustError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

_YEARS = 10
_BACKDATED = timedelta(hours=24)  # the isolated host's clock may be behind
_MAX_COMMON_NAME = 64


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

    chain = prove_authority(authority.cert_pem, names)
    try:
        key = load_pem_private_key(authority.key_pem, None)
    except (ValueError, TypeError) as error:
        raise TrustError(
            f"the CA key cannot be read: {error}", hint="give it as PEM without a password"
        ) from error
    if public(key) != public(chain[0]):
        raise TrustError("the CA key is not that of the CA certificate", hint="check --ca-key")
    return _leaf(chain, key, names)  # type: ignore[arg-type]


def _make_ca(key: "CertificateIssuerPrivateKeyTypes", names: Sequence[str]) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    dns, addresses = split(names)
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

    dns, addresses = split(names)
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

    found = extension(ca, x509.SubjectKeyIdentifier)
    if found is None:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)


def _hash_for(key: object) -> Any:
    """Return the hash to sign with: none for the Edwards curves, which bring their own."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed448, ed25519

    edwards = (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)
    return None if isinstance(key, edwards) else hashes.SHA256()


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
