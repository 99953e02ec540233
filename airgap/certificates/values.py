"""Certificates and keys as they travel: PEM, and never shown."""

from dataclasses import dataclass


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
