"""inspect: what is inside a bundle, as a value that people and programs read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airgap.bundle.format import CERTIFICATE, EXTRAS, FILES, KEY, PROGRAMS
from airgap.bundle.reader import Bundle
from airgap.certificates.prove import expiry
from airgap.oci.attached import belonging, kinds
from airgap.oci.image import Image


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle holds; sizes in bytes.

    Attributes:
        tls: ``bundle`` where the registry's key is inside, ``host`` where unpack makes it, empty
            in a bundle of images only.
        tls_ends: when the certificate inside ends.
        tools: programs for the other side.
        files: the user's own files.
        others: all other members below ``airgap/``, by their names below it.
    """

    bundle: Bundle
    tls: str
    tls_ends: datetime | None
    tools: tuple[str, ...]
    files: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def signer(self) -> str:
        """The id of the key that is said to have signed, empty where none is."""
        return self.bundle.signer

    @property
    def proved(self) -> tuple[str, ...]:
        """The ids of the keys whose signature was proved."""
        return tuple(proof.key.name for proof in self.bundle.proofs)

    @property
    def images(self) -> tuple[tuple[Image, Sequence[Image]], ...]:
        """The images, each with what is attached to it."""
        found = belonging(self.bundle.images)
        return tuple(
            (image, found[image.reference]) for image in self.bundle.images if not image.attached
        )

    def to_json(self) -> dict[str, Any]:
        """Return the contents as ``inspect --json`` prints them."""
        bundle, table = self.bundle, self.bundle.table
        return {
            "bundle": str(bundle.path),
            "digest": str(bundle.digest),
            "size": bundle.size,
            "name": table.name,
            "serial": table.serial,
            "created": table.created,
            "packed_by": table.tool,
            "platforms": [str(platform) for platform in table.platforms] or ["all"],
            "images": [
                image.to_json() | {"attached": [told(one) for one in attached]}
                for image, attached in self.images
            ],
            "node": bundle.node.to_json() if bundle.node else None,
            "registry": bundle.registry.to_json() if bundle.registry else None,
            "left_out": [str(reference) for reference in table.failed],
            "tools": list(self.tools),
            "files": list(self.files),
            "other_members": list(self.others),
            "tls": self.tls or None,
            "tls_ends": self.tls_ends.isoformat() if self.tls_ends else None,
            "signed_by": self.signer or None,
            "signature_proved": list(self.proved),
            "signature_refused": list(self.bundle.checked.others),
        }


def told(attached: Image) -> dict[str, Any]:
    """Describe what is attached to an image: its tag, type, digest, and size in bytes."""
    return {
        "tag": attached.reference.tag,
        "type": kinds(attached),
        "digest": str(attached.root.digest),
        "size": attached.size,
    }


def inspect(bundle: Bundle) -> Contents:
    """Look into an open bundle.

    Raises:
        TrustError: the certificate inside cannot be read.
    """
    names = [member.name for member in bundle.members()]
    with_key = KEY in names
    certificate = bundle.member(CERTIFICATE) if CERTIFICATE in names else None
    for_cluster = "bundle" if with_key else "host"
    return Contents(
        bundle,
        tls=for_cluster if bundle.registry else "",
        tls_ends=expiry(certificate) if certificate else None,
        tools=tuple(name.removeprefix(PROGRAMS) for name in names if name.startswith(PROGRAMS)),
        files=tuple(name.removeprefix(FILES) for name in names if name.startswith(FILES)),
        others=tuple(
            name.removeprefix(EXTRAS)
            for name in names
            if name.startswith(EXTRAS) and not name.startswith((PROGRAMS, FILES))
        ),
    )
