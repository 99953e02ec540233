"""minisign's secret keys, plain or hidden by a password."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from airgap.errors import InputError, TrustError
from airgap.oci.digest import shown
from airgap.signatures.minisign import (
    UNTRUSTED,
    PublicKey,
    Signature,
    decoded,
    key_name,
    read_text,
)

_SCRYPT_MEMORY = 1 << 30
_SCRYPT_OPERATIONS = 1 << 25
_SALT = 32


@dataclass(frozen=True, slots=True, repr=False)
class SecretKey:
    """A key that signs. Its text form never shows the key."""

    id: bytes
    seed: bytes
    public: PublicKey

    def __repr__(self) -> str:
        return f"SecretKey({key_name(self.id)})"

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls._from_seed(secrets.token_bytes(8), secrets.token_bytes(32))

    @classmethod
    def _from_seed(cls, key_id: bytes, seed: bytes) -> Self:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return cls(key_id, seed, PublicKey(key_id, public))

    def sign(self, message: bytes, comment: str) -> Signature:
        """Sign ``message``, and vouch for ``comment``.

        Raises:
            InputError: see `check_comment`.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.check_comment(comment)
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        signature = private.sign(hashlib.blake2b(message).digest())
        return Signature(self.id, signature, comment, private.sign(signature + comment.encode()))

    @staticmethod
    def check_comment(comment: str) -> None:
        """Check that every program can show a comment.

        Raises:
            InputError: it is more than one line of printable text in UTF-8.
        """
        if any("\ud800" <= character <= "\udfff" for character in comment):
            raise InputError(
                f"the comment {shown(comment)} is not UTF-8",
                hint="write it in UTF-8, or in ASCII alone",
            )
        if not comment.isprintable():
            raise InputError(
                f"the comment {shown(comment)} is not one line of printable text",
                hint="write it without newlines and control characters",
            )

    def to_bytes(self, password: str = "", *, operations: int = _SCRYPT_OPERATIONS) -> bytes:
        """Return the file that ``minisign -s`` takes; encrypted where a password is given."""
        body = self.id + self.seed + self.public.key
        body += _checksum(body)
        kind, salt, memory = b"\0\0", bytes(_SALT), 0
        if password:
            kind, salt, memory = b"Sc", secrets.token_bytes(_SALT), operations * 32
            body = _xor(body, _stream(password, salt, operations, memory))
        limits = (operations if password else 0).to_bytes(8, "little")
        limits += memory.to_bytes(8, "little")
        raw = base64.b64encode(b"Ed" + kind + b"B2" + salt + limits + body).decode("ascii")
        said = "minisign encrypted secret key" if password else "minisign secret key"
        return f"{UNTRUSTED}{said}\n{raw}\n".encode("ascii")

    @classmethod
    def parse(cls, data: bytes, password: str = "", name: str = "this") -> Self:
        """Read a secret key, called ``name`` in errors.

        Raises:
            TrustError: it is none, or the password does not open it.
        """
        lines = data.decode("latin-1").strip().splitlines()
        raw = decoded(lines[-1]) if lines else b""
        if len(raw) != 158 or raw[:2] != b"Ed" or raw[4:6] != b"B2":
            raise TrustError(f"{name} is not a minisign secret key", hint="give the .key file")
        kind, salt, body = raw[2:4], raw[6:38], raw[54:]
        if kind == b"Sc":
            limits = (int.from_bytes(raw[38:46], "little"), int.from_bytes(raw[46:54], "little"))
            body = _xor(body, _stream(password, salt, *limits))
            if _checksum(body[:72]) != body[72:]:
                raise TrustError(f"the password does not open {name}", hint="type it again")
        found = cls._from_seed(body[:8], body[8:40])
        if found.public.key != body[40:72]:  # minisign writes no checksum into plain keys
            raise TrustError(
                f"the secret key {name} is damaged", hint="use a copy of the .key file"
            )
        return found

    @classmethod
    def load(cls, path: Path, password: str = "") -> Self:
        """Read a secret key file.

        Raises:
            TrustError: see `parse`; also where the file cannot be read.
        """
        return cls.parse(read_text(path).encode("latin-1"), password, str(path))

    @staticmethod
    def is_encrypted(data: bytes) -> bool:
        """Tell whether a secret key file needs a password."""
        lines = data.decode("latin-1").strip().splitlines()
        return bool(lines) and decoded(lines[-1])[2:4] == b"Sc"


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(b"Ed" + body, digest_size=32).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _stream(password: str, salt: bytes, operations: int, memory: int) -> bytes:
    """Derive the 104 bytes that hide a secret key, with libsodium's choice of parameters."""
    operations = max(operations, 32768)
    rounds, block = 1, 8
    fewer = operations < memory // 32
    limit = operations // (block * 4) if fewer else memory // (block * 128)
    power = 1
    while power < 63 and (1 << power) <= limit // 2:
        power += 1
    if not fewer:
        rounds = min(operations // 4 // (1 << power), 0x3FFFFFFF) // block
    if (block << power) * 128 > _SCRYPT_MEMORY or not 0 < rounds <= 64:
        raise TrustError("the secret key asks for more than 1 GiB of memory to be opened")
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=1 << power,
        r=block,
        p=rounds,
        maxmem=_SCRYPT_MEMORY + (64 << 20),
        dklen=104,
    )
