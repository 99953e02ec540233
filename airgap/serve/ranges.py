"""Ranges and conditions: which bytes of content a client wants, if it wants any.

Follows RFC 9110, sections 13 and 14. A tag here is the digest in quotes, so it is a strong one;
times of modification are not told, so conditions on time never hold. Several ranges at once are
answered by the whole, which a server is free to do.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.serve.answer import Part, Refusal

_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
_TAGS = re.compile(r'[ \t]*(W/)?"([!#-~\x80-\xff]*)"[ \t]*')
_MOST = 1 << 60


def is_known(fields: Mapping[str, str], digest: Digest) -> bool:
    """Tell whether the client has the content already (If-None-Match)."""
    return _names(fields.get("if-none-match", ""), digest, weak=True)


def check(fields: Mapping[str, str], digest: Digest) -> None:
    """Check that the content is the one that the client wants, where it says so (If-Match).

    Raises:
        Refusal: it is another.
    """
    if "if-match" in fields and not _names(fields["if-match"], digest, weak=False):
        raise Refusal(HTTPStatus.PRECONDITION_FAILED, "UNKNOWN", "the content is another")


def part(fields: Mapping[str, str], blob: Descriptor) -> Part | None:
    """Return the part of a blob that is asked for, None for the whole of it.

    Raises:
        Refusal: nothing of what is asked for is in the blob.
    """
    unit, equals, text = fields.get("range", "").partition("=")
    if not equals or unit.strip().lower() != "bytes" or not _still_holds(fields, blob.digest):
        return None
    found = [_RANGE.fullmatch(one.strip(" \t")) for one in text.split(",") if one.strip(" \t")]
    pairs = [(match[1], match[2]) for match in found if match and (match[1] or match[2])]
    if not pairs or len(pairs) < len(found):
        return None  # not a form that is known: as if nothing had been said
    parts = [part for pair in pairs if (part := _one(*pair, blob))]
    if not parts:
        raise Refusal(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "SIZE_INVALID",
            f"the blob has {blob.size} bytes",
            {"Content-Range": f"bytes */{blob.size}"},
        )
    # Nobody could say which bytes of an empty blob a part of it is.
    return parts[0] if len(pairs) == 1 and blob.size else None


def _one(first: str, last: str, blob: Descriptor) -> Part | None:
    """Return the part that one range names, None where it is outside the blob."""
    if not first:
        length = min(_number(last), blob.size)
        return Part(blob, blob.size - length, length) if _number(last) else None
    begin = _number(first)
    end = min(_number(last) if last else _MOST, blob.size - 1)
    return Part(blob, begin, end + 1 - begin) if begin <= end else None


def _number(digits: str) -> int:
    """Read a number; one beyond all sizes is as good as any other."""
    digits = digits.lstrip("0")
    return _MOST if len(digits) > 18 else int(digits or "0")


def _still_holds(fields: Mapping[str, str], digest: Digest) -> bool:
    """Tell whether a part is wanted of this very content (If-Range)."""
    return fields.get("if-range", f'"{digest}"') == f'"{digest}"'


def _names(tags: str, digest: Digest, *, weak: bool) -> bool:
    if tags.strip() == "*":
        return True
    found = (_TAGS.fullmatch(tag) for tag in tags.split(","))
    return any(tag[2] == str(digest) and (weak or not tag[1]) for tag in found if tag)
