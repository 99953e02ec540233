"""selection: some of the images of a Store, by a list."""

from collections.abc import Iterable, Sequence

from airgap.errors import InputError
from airgap.oci.attached import belonging
from airgap.oci.image import Image
from airgap.oci.reference import Reference

_LINES = 20


def select(images: Sequence[Image], wanted: Iterable[Reference], what: str) -> list[Image]:
    """Return the images that a list names, in the order of the images.

    Args:
        images: all there are.
        wanted: the list; a tag without a digest also names the image that has both.
        what: names the list in errors.

    Raises:
        InputError: it names what is not there.
    """
    known = {image.reference: image for image in images}
    by_tag = {Reference(r.host, r.path, r.tag): r for r in known if r.tag}
    chosen, absent = set[Reference](), list[str]()
    for reference in wanted:
        found = reference if reference in known else by_tag.get(reference)
        if found is None:
            absent.append(reference.familiar)
        else:
            chosen.add(found)
    if absent:
        more = [f"  and {len(absent) - _LINES} more"] if len(absent) > _LINES else []
        lines = [f"{what} names what is not in the bundle:", *(f"  {x}" for x in absent[:_LINES])]
        raise InputError(
            "\n".join(lines + more), hint="airgap inspect BUNDLE.tar lists what is in it"
        )
    attached = belonging(images)
    chosen |= {one.reference for r in chosen for one in attached.get(r, ())}
    return [image for image in images if image.reference in chosen]
