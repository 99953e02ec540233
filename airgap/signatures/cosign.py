"""cosign's signatures of images by a key pair, proved without any network.

Two forms: a layer under the tag ``sha256-HEX.sig``, whose payload names the image and whose
annotation signs the payload ("Cosign Signature Specification"); and a referrer with a sigstore
bundle, whose DSSE envelope holds an in-toto statement about the image. An attestation has the
second form, too: the type of its statement tells that it is no signature.
"""

import base64
import binascii
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from airgap.errors import InputError, TrustError
from airgap.files import inputs
from airgap.oci import strictjson
from airgap.oci.attached import subject_of
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import Reference

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    Public = EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey

SIGNED = "https://sigstore.dev/cosign/sign/v1"
"""The type of a statement that is a signature."""
MAX_CANDIDATES = 100
"""How many signatures of one image are looked at."""
MAX_BYTES = 1 << 20
"""Bytes of the largest payload or bundle; what is larger is no signature."""

_SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
_BUNDLE = "application/vnd.dev.sigstore.bundle"
_SIGNATURE = "dev.cosignproject.cosign/signature"
_PAYLOADS = ("cosign container image signature", SIGNED)
_STATEMENT = "application/vnd.in-toto+json"
_MAX_KEY = 64 << 10
_MIN_RSA = 2048


@dataclass(frozen=True, slots=True)
class ImageKey:
    """A public key that images are signed with.

    Attributes:
        name: its file, as it was given.
        public: an ECDSA key on P-256, an RSA key, or an Ed25519 key.
    """

    name: str
    public: "Public" = field(compare=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key as ``cosign generate-key-pair`` writes it (PEM).

        Raises:
            InputError: it is not there.
            ResourceError: it cannot be read.
            TrustError: it is no key of these kinds.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            public = load_pem_public_key(inputs.read(path, _MAX_KEY, "name a public key"))
        except (ValueError, UnsupportedAlgorithm):
            raise TrustError(
                f"{path} is no public key",
                hint="give the .pub file that cosign generate-key-pair wrote",
            ) from None
        if isinstance(public, ec.EllipticCurvePublicKey):
            fits = isinstance(public.curve, ec.SECP256R1)
        elif isinstance(public, rsa.RSAPublicKey):
            fits = public.key_size >= _MIN_RSA
        else:
            fits = isinstance(public, ed25519.Ed25519PublicKey)
        if not fits:
            raise TrustError(
                f"{path} is a key of another kind",
                hint=f"keys are ECDSA on P-256, RSA of {_MIN_RSA} bits or more, or Ed25519",
            )
        return cls(str(path), public)  # type: ignore[arg-type]  # by the checks above

    def holds(self, message: bytes, signature: bytes) -> bool:
        """Tell whether this key signed a message, as cosign signs with a key of its kind."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            if isinstance(self.public, ec.EllipticCurvePublicKey):
                self.public.verify(signature, message, ec.ECDSA(SHA256()))
            elif isinstance(self.public, rsa.RSAPublicKey):
                self.public.verify(signature, message, padding.PKCS1v15(), SHA256())
            else:
                self.public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class UnsignedError(TrustError):
    """No key that was given signed an image, whichever that is."""

    def __init__(self, keys: Sequence[ImageKey]) -> None:
        super().__init__(
            f"no cosign signature by {' or '.join(key.name for key in keys)}",
            hint="sign what the name points to: cosign sign --key; an attestation is no signature",
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may sign an image.

    Attributes:
        reference: under which the blob is.
        blob: the payload, or the sigstore bundle.
        signature: of the payload, in base64; None for a bundle.
    """

    reference: Reference
    blob: Descriptor
    signature: str | None

    def is_by(self, key: ImageKey, image: Digest, body: bytes) -> bool:
        """Tell whether a key made this signature of an image; ``body`` is the blob's."""
        try:
            if self.signature is None:
                return _bundle_holds(key, image, body)
            return key.holds(body, _decoded(self.signature)) and _payload_names(image, body)
        except (InputError, binascii.Error, ValueError, TypeError, KeyError, AttributeError):
            return False  # it is of no form that cosign makes


def is_signed(
    image: Image,
    attached: Sequence[Image],
    keys: Sequence[ImageKey],
    manifest: Callable[[Descriptor], bytes],
    read: Callable[[Reference, Descriptor], bytes],
) -> bool:
    """Tell whether one of the keys signed an image, which means what its name points to.

    Args:
        image: which.
        attached: what is attached to it.
        keys: any of them counts.
        manifest: returns the proved bytes of a manifest.
        read: returns the proved bytes of a small blob.

    Raises:
        InputError: it has very many signatures, none of the first is by these keys; and what
            ``read`` and ``manifest`` raise.
    """
    digest = image.root.digest
    for number, one in enumerate(candidates(digest, attached, manifest)):
        if number == MAX_CANDIDATES:
            raise InputError(
                f"{image.reference.familiar}: it has more than {MAX_CANDIDATES} signatures, and"
                " none of the first ones is by the key",
                hint="remove those that nobody needs: cosign clean",
            )
        body = read(one.reference, one.blob)
        if any(one.is_by(key, digest, body) for key in keys):
            return True
    return False


def candidates(
    image: Digest, attached: Sequence[Image], manifest: Callable[[Descriptor], bytes]
) -> Iterator[Candidate]:
    """Yield what may sign an image, by the places and types where cosign looks."""
    for one in attached:
        if subject_of(one.reference) == (image, ".sig"):
            yield from _of_tag(one, manifest)
        elif subject_of(one.reference) == (image, ""):
            for found in one.images:
                for layer in found.layers:
                    if layer.media_type.startswith(_BUNDLE) and layer.size <= MAX_BYTES:
                        yield Candidate(one.reference, layer, None)


def proved(keys: Sequence[ImageKey], images: Sequence[Image]) -> dict[str, Any] | None:
    """Tell, as JSON, that each image is signed by a key; None where no key was given."""
    if not keys or not images:
        return None
    return {
        "keys": [key.name for key in keys],
        "image_count": len(images),
        "verify": command(keys, images[0].reference),
    }


def command(keys: Sequence[ImageKey], reference: Reference) -> str:
    """Return the line that proves an image on the other side, in a registry of any name.

    A key needs no log: without the option, cosign asks for one in the network.
    """
    tag = f"@{reference.digest}" if reference.digest else f":{reference.tag}"
    return (
        f"cosign verify --key {shlex.quote(keys[0].name)} --insecure-ignore-tlog=true"
        f" REGISTRY/{reference.repository}{tag}"
    )


def lines(keys: Sequence[ImageKey], images: Sequence[Image]) -> list[str]:
    """Tell, for people, that each image is signed by a key, and how that is proved elsewhere."""
    if not keys or not images:
        return []
    number = "1 image is" if len(images) == 1 else f"all {len(images)} images are"
    return [
        f"  signed     {number}, by {' or '.join(key.name for key in keys)}; on the other side:",
        f"             {command(keys, images[0].reference)}",
    ]


def _of_tag(image: Image, manifest: Callable[[Descriptor], bytes]) -> Iterator[Candidate]:
    if image.root.is_index:
        return
    value = strictjson.load_object(manifest(image.root), image.reference.familiar)
    for layer in value.get("layers") or []:
        described = Descriptor.from_json(layer, image.reference.familiar)
        signature = (layer.get("annotations") or {}).get(_SIGNATURE)
        fits = described.media_type == _SIMPLE and described.size <= MAX_BYTES
        if fits and isinstance(signature, str):
            yield Candidate(image.reference, described, signature)


def _payload_names(image: Digest, body: bytes) -> bool:
    critical = strictjson.load_object(body, "the payload")["critical"]
    named = critical["image"]["docker-manifest-digest"]
    return named == str(image) and critical["type"] in _PAYLOADS


def _bundle_holds(key: ImageKey, image: Digest, body: bytes) -> bool:
    envelope = strictjson.load_object(body, "the bundle")["dsseEnvelope"]
    payload, kind = _decoded(envelope["payload"]), envelope["payloadType"]
    if kind != _STATEMENT or not _states(image, payload):
        return False
    encoded = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    return any(key.holds(encoded, _decoded(one["sig"])) for one in envelope["signatures"][:2])


def _states(image: Digest, payload: bytes) -> bool:
    statement: dict[str, Any] = strictjson.load_object(payload, "the statement")
    subjects = [one["digest"].get(image.algorithm) for one in statement["subject"]]
    return statement["predicateType"] == SIGNED and image.hex in subjects


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
