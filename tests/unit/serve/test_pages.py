import json
import re
from typing import Any

import pytest

from airgap.oci.digest import Digest
from airgap.serve import pages


def followed(found: list[dict[str, Any]], query: str) -> list[list[dict[str, Any]]]:
    """Ask for a list of referrers, and for every further page that a Link names."""
    got: list[list[dict[str, Any]]] = []
    path = f"/v2/a/referrers/{Digest.of(b'')}"
    while True:
        answer = pages.referrers(path, found, query)
        assert isinstance(answer.body, bytes)
        assert len(answer.body) <= 4 << 20
        got.append(json.loads(answer.body)["manifests"])
        link = answer.fields.get("Link")
        if not link:
            return got
        match = re.fullmatch(r'<(.*)\?(.*)>; rel="next"', link)
        assert match
        assert match[1] == path
        query = match[2]


def entries(count: int, annotation: int) -> list[dict[str, Any]]:
    digests = sorted(str(Digest.of(str(number).encode())) for number in range(count))
    return [
        {
            "mediaType": "m", "digest": digest, "size": 1,
            "artifactType": f"application/{'ab'[number % 2]}+json",
            "annotations": {"a": "x" * annotation},
        }
        for number, digest in enumerate(digests)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "annotation", "least"), [(9, 1, 1), (40, 300_000, 4), (3000, 1000, 2)]
)
def test_a_long_list_of_referrers_comes_in_pages_that_clients_take(
    count: int, annotation: int, least: int
) -> None:
    found = entries(count, annotation)
    got = followed(found, "")
    assert [entry for page in got for entry in page] == found
    assert len(got) >= least


@pytest.mark.parametrize("plus", ["+", "%2B", "%2b"])
def test_a_filter_goes_on_over_all_pages(plus: str) -> None:
    """Media types have a plus, which is none of a form's spaces."""
    found = entries(21, 1)
    got = followed(found, f"artifactType=application/a{plus}json&n=2")
    assert [entry for page in got for entry in page] == found[::2]
    assert [len(page) for page in got] == [2] * 5 + [1]


def test_one_referrer_that_is_longer_than_a_page_comes_alone() -> None:
    found = entries(2, 3 << 20)
    assert [len(page) for page in followed(found, "")] == [1, 1]


def test_names_of_every_page_once() -> None:
    names = [f"a/{number:05}" for number in range(25_000)]
    got, query = [], ""
    while True:
        answer = pages.names("/v2/_catalog", "repositories", names, query)
        assert isinstance(answer.body, bytes)
        got += json.loads(answer.body)["repositories"]
        link = answer.fields.get("Link")
        if not link:
            break
        query = link[link.index("?") + 1 : link.index(">")]
    assert got == names
