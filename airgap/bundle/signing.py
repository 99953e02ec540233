"""Signatures of bundles, in minisign's format (https://jedisct1.github.io/minisign/).

What is signed is SHA256SUMS, which names all the rest. Only prehashed signatures (``ED``) are
made and taken: Ed25519 over BLAKE2b-512, and a second signature that binds the trusted comment.
"""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from airgap.bundle.files import guarded, write_at
from airgap.bundle.head import open_file, read_lead
from airgap.bundle.plan import SIGNATURE, SIGNATURE_SIZE
from airgap.errors import InputError, TrustError
from airgap.oci.digest import shown

_MAX_FILE = 4096
_UNTRUSTED = "untrusted comment: "
_TRUSTED = "trusted comment: "
_SCRYPT_MEMORY = 1 << 30
_SCRYPT_OPERATIONS = 1 << 25
_SALT = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with."""

    id: bytes
    key: bytes

    @property
    def name(self) -> str:
        """The key's id as minisign writes it."""
        return _name(self.id)

    def __str__(self) -> str:
        """Return the line that ``minisign -P`` takes."""
        return base64.b64encode(b"Ed" + self.id + self.key).decode("ascii")

    def to_bytes(self) -> bytes:
        """Return the file that ``minisign -p`` takes."""
        return f"{_UNTRUSTED}minisign public key {self.name}\n{self}\n".encode("ascii")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a public key, as its line alone or with the comment above.

        Raises:
            TrustError: it is none.
        """
        lines = [line.strip() for line in text.strip().splitlines()]
        raw = _decode(lines[-1]) if lines and len(lines) <= 2 else b""
        if len(raw) != 42 or raw[:2] != b"Ed":
            raise TrustError(
                f"not a minisign public key: {shown(text, 60)}",
                hint="give the .pub file, or the line in it that begins with RW",
            )
        return cls(raw[2:10], raw[10:])

    @classmethod
    def load(cls, file_or_text: str) -> Self:
        """Read a public key from a file of that name, or else from the text itself.

        Raises:
            TrustError: it is neither.
        """
        path = Path(file_or_text)
        if path.is_file():
            return cls.parse(_read_text(path))
        return cls.parse(file_or_text)


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as it stands in a file; nothing of it is proved."""

    key_id: bytes
    signature: bytes
    comment: str
    comment_signature: bytes

    @property
    def key_name(self) -> str:
        """The id of the key that is said to have made it."""
        return _name(self.key_id)

    def to_bytes(self, untrusted: str = "signature from airgap") -> bytes:
        """Return the file that ``minisign -V`` reads."""
        first = base64.b64encode(b"ED" + self.key_id + self.signature).decode("ascii")
        second = base64.b64encode(self.comment_signature).decode("ascii")
        return f"{_UNTRUSTED}{untrusted}\n{first}\n{_TRUSTED}{self.comment}\n{second}\n".encode()

    @classmethod
    def parse(cls, data: bytes, what: str) -> Self:
        """Read a signature; newlines may follow it.

        Raises:
            TrustError: it is none, or of the legacy kind; ``what`` names it.
        """
        try:
            lines = data[:_MAX_FILE].rstrip(b"\n").decode("utf-8").split("\n")
        except UnicodeDecodeError:
            lines = []
        if len(data) > _MAX_FILE or len(lines) != 4 or not lines[2].startswith(_TRUSTED):
            raise _invalid(what)
        first, second = _decode(lines[1]), _decode(lines[3])
        if len(first) != 74 or len(second) != 64 or not lines[0].startswith(_UNTRUSTED):
            raise _invalid(what)
        if first[:2] != b"ED":
            raise TrustError(
                f"{what} is a signature of the legacy kind {shown(first[:2].decode('latin-1'))}",
                hint="sign again with airgap, or with a minisign that makes prehashed signatures",
            )
        return cls(first[2:10], first[10:], lines[2].removeprefix(_TRUSTED), second)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a signature proves: who signed, and the comment that the signer vouches for."""

    key: PublicKey
    comment: str


def verify(message: bytes, found: Sequence[Signature], trusted: Sequence[PublicKey]) -> list[Proof]:
    """Check all signatures that trusted keys are said to have made; at least one must be there.

    Raises:
        TrustError: none is there, or one does not hold.
    """
    keys = {key.id: key for key in trusted}
    prehashed = hashlib.blake2b(message).digest()
    proofs = [_check(s, keys[s.key_id], prehashed) for s in found if s.key_id in keys]
    if proofs:
        return proofs
    seen = ", ".join(sorted({signature.key_name for signature in found})) or "no key"
    wanted = ", ".join(sorted(key.name for key in trusted)) or "no key"
    raise TrustError(
        f"the bundle is signed by {seen}; trusted is {wanted}",
        hint="give the signer's public key, or get the bundle from somebody you trust",
    )


def _check(signature: Signature, key: PublicKey, prehashed: bytes) -> Proof:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(key.key)
        public.verify(signature.signature, prehashed)
        bound = signature.signature + signature.comment.encode()
        public.verify(signature.comment_signature, bound)
    except (InvalidSignature, ValueError):
        raise TrustError(
            f"the signature said to be by {key.name} does not hold",
            hint="the bundle or its signature was altered: get it again from its source",
        ) from None
    return Proof(key, signature.comment)


@dataclass(frozen=True, slots=True, repr=False)
class SecretKey:
    """A key that signs. Its text form never shows the key."""

    id: bytes
    seed: bytes
    public: PublicKey

    def __repr__(self) -> str:
        return f"SecretKey({_name(self.id)})"

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
            InputError: the comment is more than one line.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if "\n" in comment or "\r" in comment:
            raise InputError("the comment of a signature must be one line")
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        signature = private.sign(hashlib.blake2b(message).digest())
        return Signature(self.id, signature, comment, private.sign(signature + comment.encode()))

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
        return f"{_UNTRUSTED}{said}\n{raw}\n".encode("ascii")

    @classmethod
    def parse(cls, data: bytes, password: str = "") -> Self:
        """Read a secret key.

        Raises:
            TrustError: it is none, or the password does not open it.
        """
        lines = data.decode("latin-1").strip().splitlines()
        raw = _decode(lines[-1]) if lines else b""
        if len(raw) != 158 or raw[:2] != b"Ed" or raw[4:6] != b"B2":
            raise TrustError("not a minisign secret key", hint="give the .key file")
        kind, salt, body = raw[2:4], raw[6:38], raw[54:]
        if kind == b"Sc":
            limits = (int.from_bytes(raw[38:46], "little"), int.from_bytes(raw[46:54], "little"))
            body = _xor(body, _stream(password, salt, *limits))
            if _checksum(body[:72]) != body[72:]:
                raise TrustError("the password does not open the secret key", hint="type it again")
        found = cls._from_seed(body[:8], body[8:40])
        if found.public.key != body[40:72]:  # minisign writes no checksum into plain keys
            raise TrustError("the secret key is damaged", hint="use a copy of the .key file")
        return found

    @classmethod
    def load(cls, path: Path, password: str = "") -> Self:
        """Read a secret key file.

        Raises:
            TrustError: see `parse`; also where the file cannot be read.
        """
        return cls.parse(_read_text(path).encode("latin-1"), password)

    @staticmethod
    def is_encrypted(data: bytes) -> bool:
        """Tell whether a secret key file needs a password."""
        lines = data.decode("latin-1").strip().splitlines()
        return bool(lines) and _decode(lines[-1])[2:4] == b"Sc"


def sign_bundle(path: Path, key: SecretKey, comment: str, *, detached: bool = False) -> Path:
    """Sign a bundle, in place where there is room; return the file that holds the signature.

    A bundle that another key signed already keeps that signature, and the new one goes into
    ``BUNDLE.KEYID.minisig`` beside it.

    Raises:
        InputError: it is no bundle, or the comment is too long.
        ResourceError: the file cannot be written.
    """
    fd, size = open_file(path, os.O_RDONLY if detached else os.O_RDWR)
    try:
        lead = read_lead(fd, path, size)
        data = key.sign(lead.sums, comment).to_bytes()
        if len(data) >= SIGNATURE_SIZE:
            raise InputError("the comment of the signature is too long")
        inner = inner_signature(lead.signature)
        if not detached and (inner is None or inner.key_id == key.id):
            with guarded(f"cannot sign {path}"):
                write_at(fd, data.ljust(SIGNATURE_SIZE, b"\n"), lead.signature_at)
                os.fsync(fd)
            return path
    finally:
        os.close(fd)
    beside = detached_path(path, key.public)
    with guarded(f"cannot write {beside}"):
        beside.write_bytes(data)
    return beside


def detached_path(path: Path, key: PublicKey) -> Path:
    """Return where a key's signature lies beside a bundle."""
    return path.with_name(f"{path.name}.{key.name}.minisig")


def inner_signature(zone: bytes) -> Signature | None:
    """Return the signature in the bundle itself, None where there is none.

    Raises:
        TrustError: something else is there.
    """
    return None if not zone.strip(b"\n") else Signature.parse(zone, SIGNATURE)


def signatures(path: Path, zone: bytes, keys: Sequence[PublicKey]) -> list[Signature]:
    """Return the signature in the bundle, and those of the given keys beside it.

    Raises:
        TrustError: one of them is no signature.
    """
    found = [inner_signature(zone)]
    for key in keys:
        beside = detached_path(path, key)
        if beside.is_file():
            with guarded(f"cannot read {beside}"), beside.open("rb") as file:
                found.append(Signature.parse(file.read(_MAX_FILE + 1), str(beside)))
    return [signature for signature in found if signature]


def _name(key_id: bytes) -> str:
    return f"{int.from_bytes(key_id, 'little'):016X}"


def _decode(line: str) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE).decode("latin-1")
    except OSError as error:
        raise TrustError(f"cannot read {path}: {error.strerror}") from error


def _invalid(what: str) -> TrustError:
    return TrustError(f"{what} is not a minisign signature", hint="get the bundle again")


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
