"""Certificate authorities as organisations have them, and OpenSSL's judgement of what they sign."""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from airgap.certificates.values import Authority, Tls

_Key = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_PEM = serialization.Encoding.PEM


@cache
def key(kind: str, number: int = 0) -> _Key:  # to have several
    """Return a key of a kind, ED25519 or RSA; made once."""
    if kind == "RSA":
        return rsa.generate_private_key(65537, 2048)
    return ed25519.Ed25519PrivateKey.generate()


def own_ca(constraint: str = "", days: float = 100) -> Authority:
    """Return a root with an RSA key that may sign for ``constraint`` alone.

    ``constraint`` is a DNS name or a network; empty is none.
    """
    own = key("RSA")
    return _authority(own, [_certificate("Own CA", own, "Own CA", own, days, constraint)])


def chain(kind: str, identifier: bytes = b"", days: int = 100) -> Authority:
    """Return an intermediate and the root above it.

    ``identifier`` is the intermediate's key identifier; empty is the hash of its key.
    """
    above, between = key(kind), key(kind, 1)
    root = _certificate("Root", above, "Root", above, days)
    made = _certificate("Between", between, "Root", above, days, identifier=identifier)
    return _authority(between, [made, root])


def accepts(tls: Tls, name: str, folder: Path) -> bool:
    """Return whether a client that trusts the CA alone takes the server for ``name``."""
    for file, data in (("cert.pem", tls.cert_pem), ("key.pem", tls.key_pem)):
        (folder / file).write_bytes(data)
    at_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    at_server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    at_client = ssl.create_default_context(cadata=tls.ca_pem.decode())
    at_client.verify_flags |= ssl.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = at_server.wrap_bio(there, back, server_side=True)
    client = at_client.wrap_bio(back, there, server_hostname=name)
    for _ in range(2):  # client's hello, server's certificate and proof, client's verdict
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return client.version() is not None


def _authority(own: _Key, certificates: Sequence[x509.Certificate]) -> Authority:
    secret = own.private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Authority(b"".join(found.public_bytes(_PEM) for found in certificates), secret)


def _certificate(
    subject: str,
    own: _Key,
    issuer: str,
    signer: _Key,
    days: float,
    constraint: str = "",
    identifier: bytes = b"",
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    of_key = x509.SubjectKeyIdentifier.from_public_key(own.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_may_sign(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(identifier) if identifier else of_key, False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
    )
    if constraint:
        allowed: x509.GeneralName = (
            x509.IPAddress(ipaddress.ip_network(constraint))
            if constraint[0].isdigit()
            else x509.DNSName(constraint)
        )
        builder = builder.add_extension(x509.NameConstraints([allowed], None), critical=True)
    kind = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, kind)


def _may_sign() -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(key_cert_sign=True, **dict.fromkeys(names, False))
