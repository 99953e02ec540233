"""Keys and signatures as cosign makes them with a key pair."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

SIGNED = "https://sigstore.dev/cosign/sign/v1"
STATEMENT = "application/vnd.in-toto+json"
ANNOTATION = "dev.cosignproject.cosign/signature"
KINDS = ("ecdsa", "rsa", "ed25519")


class KeyPair:
    """A pair of one of `KINDS`."""

    def __init__(self, kind: str = "ecdsa") -> None:
        self._key: Any = {
            "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
            "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
            "rsa": lambda: rsa.generate_private_key(65537, 2048),
            "short": lambda: rsa.generate_private_key(65537, 1024),
            "ed25519": ed25519.Ed25519PrivateKey.generate,
        }[kind]()

    @property
    def pem(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        made: bytes = self._key.public_key().public_bytes(serialization.Encoding.PEM, form)
        return made

    def sign(self, message: bytes) -> str:
        """Return a signature in base64."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            made = self._key.sign(message, ec.ECDSA(SHA256()))
        elif isinstance(self._key, rsa.RSAPrivateKey):
            made = self._key.sign(message, padding.PKCS1v15(), SHA256())
        else:
            made = self._key.sign(message)
        return base64.b64encode(made).decode()


def payload(digest: str, kind: str = "cosign container image signature") -> bytes:
    image = {"docker-manifest-digest": digest}
    critical = {"identity": {"docker-reference": ""}, "image": image, "type": kind}
    return json.dumps({"critical": critical, "optional": None}).encode()


def bundle(key: KeyPair, digest: str, predicate: str = SIGNED, kind: str = STATEMENT) -> bytes:
    """Make a sigstore bundle, as cosign sign or attest attaches it."""
    algorithm, _, found = digest.partition(":")
    statement = {
        "_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {algorithm: found}}],
        "predicateType": predicate, "predicate": {},
    }  # fmt: skip
    said = json.dumps(statement).encode()
    message = f"DSSEv1 {len(kind)} {kind} {len(said)} ".encode() + said
    envelope = {
        "payload": base64.b64encode(said).decode(), "payloadType": kind,
        "signatures": [{"sig": key.sign(message)}],
    }  # fmt: skip
    material = {"publicKey": {"hint": "x"}, "tlogEntries": []}
    media_type = "application/vnd.dev.sigstore.bundle.v0.3+json"
    value = {
        "mediaType": media_type, "verificationMaterial": material, "dsseEnvelope": envelope,
    }  # fmt: skip
    return json.dumps(value).encode()
