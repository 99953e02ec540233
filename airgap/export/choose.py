"""Which images of a bundle are meant."""

from collections.abc import Sequence

from airgap.errors import InputError
from airgap.oci.image import Image
from airgap.oci.reference import Reference


def choose(images: Sequence[Image], texts: Sequence[str]) -> list[Image]:
    """Return the images that references stand for, in the order of the bundle; all for none.

    Args:
        images: to choose from.
        texts: references as people write them.

    Raises:
        InputError: one is invalid, or is not in the bundle; all such are named.
    """
    images = [image for image in images if not image.attached]
    wanted = {Reference.parse(text): text for text in texts}
    chosen = [image for image in images if image.reference in wanted or not wanted]
    missing = [
        t for reference, t in wanted.items() if reference not in {i.reference for i in chosen}
    ]
    if missing:
        raise InputError(
            f"not in the bundle: {', '.join(missing)}", hint="airgap inspect lists what is"
        )
    return chosen
