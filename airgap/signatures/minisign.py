"""minisign's keys and signatures (https://jedisct1.github.io/minisign/).

Only prehashed signatures (``ED``) are made and taken: Ed25519 over BLAKE2b-512, and a second
signature that binds the trusted comment.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from airgap.errors import TrustError
from airgap.files import inputs
from airgap.oci.digest import shown

MAX_FILE = 4096
UNTRUSTED = "untrusted comment: "
_TRUSTED = "trusted comment: "


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with."""

    id: bytes
    key: bytes

    @property
    def name(self) -> str:
        """The key's id as minisign writes it."""
        return key_name(self.id)

    def __str__(self) -> str:
        """Return the line that ``minisign -P`` takes."""
        return base64.b64encode(b"Ed" + self.id + self.key).decode("ascii")

    def to_bytes(self) -> bytes:
        """Return the file that ``minisign -p`` takes."""
        return f"{UNTRUSTED}minisign public key {self.name}\n{self}\n".encode("ascii")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a public key, as its line alone or with the comment above.

        Raises:
            TrustError: it is none.
        """
        lines = [line.strip() for line in text.strip().splitlines()]
        raw = decoded(lines[-1]) if lines and len(lines) <= 2 else b""
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
        if inputs.is_file(path):
            return cls.parse(read_text(path))
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
        return key_name(self.key_id)

    def to_bytes(self, untrusted: str = "signature from airgap") -> bytes:
        """Return the file that ``minisign -V`` reads."""
        first = base64.b64encode(b"ED" + self.key_id + self.signature).decode("ascii")
        second = base64.b64encode(self.comment_signature).decode("ascii")
        text = f"{UNTRUSTED}{untrusted}\n{first}\n{_TRUSTED}{self.comment}\n{second}\n"
        return text.encode("utf-8", "surrogateescape")

    @classmethod
    def parse(cls, data: bytes, what: str) -> Self:
        """Read a signature; newlines may follow it, and be those of Windows.

        Raises:
            TrustError: it is none, or of the legacy kind; ``what`` names it.
        """
        lines = [_line(line) for line in data[:MAX_FILE].rstrip(b"\r\n").split(b"\n")]
        if len(data) > MAX_FILE or len(lines) != 4 or not lines[2].startswith(_TRUSTED):
            raise _invalid(what)
        first, second = decoded(lines[1]), decoded(lines[3])
        if len(first) != 74 or len(second) != 64 or not lines[0].startswith(UNTRUSTED):
            raise _invalid(what)
        if first[:2] != b"ED":
            raise TrustError(
                f"{what} is a signature of the legacy kind {shown(first[:2].decode('latin-1'))}",
                hint="sign again with airgap, or with a minisign that makes prehashed signatures",
            )
        return cls(first[2:10], first[10:], lines[2].removeprefix(_TRUSTED), second)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a signature proves: who signed, and the comment that the signer vouches for.

    Bytes of the comment that are not UTF-8 are surrogates.
    """

    key: PublicKey
    comment: str


def check(signature: Signature, key: PublicKey, message: bytes, where: str) -> Proof:
    """Check a signature that a key is said to have made.

    Args:
        signature: what was found.
        key: the key of its id.
        message: what was signed.
        where: names the signature in errors.

    Raises:
        TrustError: it is not valid.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(key.key)
        public.verify(signature.signature, hashlib.blake2b(message).digest())
        bound = signature.signature + signature.comment.encode("utf-8", "surrogateescape")
        public.verify(signature.comment_signature, bound)
    except (InvalidSignature, ValueError):
        raise TrustError(
            f"{where}: the signature said to be by {key.name} is not valid",
            hint="the bundle or its signature was altered: get it again from its source",
        ) from None
    return Proof(key, signature.comment)


def none_trusted(seen: Sequence[str], trusted: Sequence[PublicKey]) -> TrustError:
    """Return the error for a bundle that other keys signed, or none did."""
    signers = ", ".join(sorted(set(seen)))
    wanted = ", ".join(sorted(key.name for key in trusted)) or "no key"
    if not signers:
        return TrustError(
            f"the bundle is not signed, and a signature by {wanted} was asked for",
            hint="put its .minisig file beside it, or ask the sender to run airgap sign",
        )
    return TrustError(
        f"the bundle is signed by {signers}; trusted is {wanted}",
        hint="give the signer's public key, or get the bundle from somebody you trust",
    )


def key_name(key_id: bytes) -> str:
    """Return a key's id as minisign writes it."""
    return f"{int.from_bytes(key_id, 'little'):016X}"


def decoded(line: str) -> bytes:
    """Return what a line of base64 says; nothing where it is none."""
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _line(line: bytes) -> str:
    """Read a line of a signature; a comment may have any bytes, which are kept."""
    return line.removesuffix(b"\r").decode("utf-8", "surrogateescape")


def read_text(path: Path) -> str:
    """Read a small file.

    Raises:
        InputError: it is not there.
        ResourceError: it cannot be read.
    """
    with inputs.opened(path) as file:
        return file.read(MAX_FILE).decode("latin-1")


def _invalid(what: str) -> TrustError:
    return TrustError(f"{what} is not a minisign signature", hint="get the bundle again")
