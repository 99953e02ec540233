"""Pages: sorted lists, a part at a time; ``n`` and ``last`` ask for the next one, a Link names it.

Follows the OCI distribution specification 1.1, "Content Discovery".
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote

from airgap.oci.descriptor import OCI_INDEX
from airgap.serve.answer import Answer, json_answer

_MAX_PAGE = 10_000
_MAX_LIST = 3 << 20
"""Bytes of a list of referrers, about: a client reads it as a manifest, 4 MiB at the most."""
_COUNT = re.compile(r"[0-9]{1,9}")


def names(path: str, key: str, found: Sequence[str], query: str, **rest: str) -> Answer:
    """Answer with a page of names, under ``key``."""
    asked = _asked(query)
    count = _count(asked)
    begin = bisect_right(found, asked.get("last", [""])[0])
    page = found[begin : begin + count]
    fields = {}
    if page and begin + count < len(found):
        fields["Link"] = _link(path, count, page[-1])
    return json_answer({**rest, key: page}, fields=fields)


def referrers(path: str, found: Sequence[dict[str, Any]], query: str) -> Answer:
    """Answer with a page of descriptors, as an index; ``artifactType`` asks for one kind alone."""
    asked = _asked(query)
    fields, more = {"Content-Type": OCI_INDEX}, ""
    if kind := asked.get("artifactType", [""])[0]:
        found = [entry for entry in found if entry.get("artifactType") == kind]
        fields["OCI-Filters-Applied"] = "artifactType"
        more = f"&artifactType={quote(kind, safe='')}"
    left = found[bisect_right(found, asked.get("last", [""])[0], key=_digest) :]
    count = _count(asked)
    page = _fitting(left[:count])
    if 0 < len(page) < len(left):
        fields["Link"] = _link(path, count, _digest(page[-1]), more)
    value = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": page}
    return json_answer(value, fields=fields)


def _asked(query: str) -> Mapping[str, Sequence[str]]:
    """Read a query, in which a plus is no space: media types have one, such as +json."""
    return parse_qs(query.replace("+", "%2B"))


def _link(path: str, count: int, last: str, more: str = "") -> str:
    where = f"{quote(path, safe='/:')}?n={count}&last={quote(last, safe='/:')}{more}"
    return f'<{where}>; rel="next"'


def _count(asked: Mapping[str, Sequence[str]]) -> int:
    """Return how many entries a page has; a number that is none means the usual one."""
    wanted = asked.get("n", [""])[0]
    return min(int(wanted), _MAX_PAGE) if _COUNT.fullmatch(wanted) else _MAX_PAGE


def _fitting(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first entries: at least one, and as many as clients take."""
    page: list[dict[str, Any]] = []
    room = _MAX_LIST
    for entry in entries:
        room -= 1024 + sum(len(k) + len(v) for k, v in entry.get("annotations", {}).items())
        if room < 0 and page:
            break
        page.append(entry)
    return page


def _digest(entry: Mapping[str, Any]) -> str:
    return str(entry["digest"])
