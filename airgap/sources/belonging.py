"""belonging: what in a layout's index.json is no image of its own.

Some programs (oras, for one) list every manifest there: the children of an index, and what refers
to an image, such as a signature.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.manifest import Index, parse
from airgap.sources.named import Named


@dataclass(frozen=True, slots=True)
class Sorted:
    """The entries of an index.json.

    Attributes:
        named: all of them; those without a name that belong to another one are marked.
        referrers: what refers to a manifest, by the manifest's digest.
    """

    named: Sequence[Named]
    referrers: Mapping[Digest, Sequence[Descriptor]]


def sort(entries: Sequence[Named], load: Callable[[Descriptor], bytes]) -> Sorted:
    """Find what belongs to another entry; nothing is read where each has a name.

    Args:
        entries: of an index.json.
        load: returns a manifest, proved; what it refuses belongs to nothing.
    """
    if all(one.text for one in entries):
        return Sorted(entries, {})
    parts: set[Digest] = set()
    referrers: dict[Digest, dict[Descriptor, None]] = defaultdict(dict)
    for root in dict.fromkeys(o.root for o in entries if o.root.is_index or not o.text):
        with suppress(InputError):
            found = parse(load(root), root.media_type, str(root.digest))
            if isinstance(found, Index):
                parts.update(child.digest for child in found.children)
            if found.subject:
                parts.add(root.digest)
                referrers[found.subject.digest][root] = None
    named = [replace(o, attached=not o.text and o.root.digest in parts) for o in entries]
    return Sorted(named, {subject: tuple(found) for subject, found in referrers.items()})
