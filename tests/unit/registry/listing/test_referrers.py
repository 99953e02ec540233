"""What a registry lists as attached, page after page, and what is no list."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airgap.errors import AirgapError, InputError
from airgap.oci.attached import MAX_ATTACHED
from airgap.oci.descriptor import OCI_INDEX, OCI_MANIFEST
from airgap.oci.digest import Digest
from airgap.registry.client import Client
from airgap.registry.endpoint import Endpoint
from airgap.registry.listing.referrers import Referrers
from airgap.registry.options import Options
from tests.support.clock import FakeClock
from tests.support.faults import Request
from tests.support.serving import Answer, Server
from tests.support.stack import Heard

SUBJECT = Digest.of(b"subject")
PAGE = f"/v2/org/app/referrers/{SUBJECT}"


def entry(text: str) -> dict[str, Any]:
    return {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(text.encode())), "size": 1}


def page(*entries: dict[str, Any], following: str = "", kind: str = OCI_INDEX) -> Answer:
    headers = {"Content-Type": kind} | ({"Link": f'<{following}>; rel="next"'} if following else {})
    body = json.dumps({"schemaVersion": 2, "manifests": list(entries)}).encode()
    return Answer(200, headers, body)


class Played:
    """A registry that answers each path as it was told, and anything else with 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.server = Server(lambda request, _: self.answer(request))
        options = Options(tries=1, clock=FakeClock())
        self.client = Client(
            Endpoint(self.server.address, self.server.url), options, lambda _: None, Heard()
        )
        self.referrers = Referrers()

    def answer(self, request: Request) -> Answer:
        return self.answers.get(request.path, Answer(404))

    def look(self) -> list[dict[str, Any]] | None:
        return self.referrers.of(self.client, "org/app", SUBJECT)

    @property
    def asked(self) -> list[str]:
        return [request.path for request in self.server.requests]


@pytest.fixture
def played() -> Iterator[Played]:
    found = Played()
    yield found
    found.client.close()
    found.server.close()


def test_all_pages_are_one_list(played: Played) -> None:
    played.answers[PAGE] = page(entry("a"), following=f"{PAGE}?last=a&n=1")
    # relative, as the specification allows, and with parameters in its type
    played.answers[f"{PAGE}?last=a&n=1"] = page(
        entry("b"), following="?last=b", kind=f"{OCI_INDEX}; charset=utf-8"
    )
    played.answers[f"{PAGE}?last=b"] = page(entry("c"))
    assert played.look() == [entry("a"), entry("b"), entry("c")]
    assert len(played.asked) == 3
    assert played.server.requests[0].headers["Accept"] == OCI_INDEX


def test_a_next_page_is_the_same_registry_s(played: Played) -> None:
    played.answers[PAGE] = page(entry("a"), following=f"https://elsewhere.example{PAGE}?n=2")
    played.answers[f"{PAGE}?n=2"] = page(entry("b"))
    assert played.look() == [entry("a"), entry("b")]


@pytest.mark.parametrize(
    "answer",
    [Answer(404), Answer(400), Answer(405), Answer(501), page(kind="text/html"), page(kind="")],
)
def test_a_registry_without_such_a_page_is_asked_once(played: Played, answer: Answer) -> None:
    played.answers[PAGE] = answer
    assert played.look() is None
    assert played.look() is None
    assert played.asked == [PAGE]


def test_an_empty_list_says_that_there_is_a_page(played: Played) -> None:
    played.answers[PAGE] = page()
    assert played.look() == []
    assert played.look() == []
    assert len(played.asked) == 2


@pytest.mark.parametrize("status", [401, 403, 429])
def test_who_may_not_ask_learns_nothing_of_the_page(played: Played, status: int) -> None:
    played.answers[PAGE] = Answer(status)
    for _ in range(2):
        with pytest.raises(AirgapError):
            played.look()


def test_very_many_are_refused(played: Played) -> None:
    many = [entry(str(number)) for number in range(MAX_ATTACHED)]
    played.answers[PAGE] = page(*many)
    assert len(played.look() or ()) == MAX_ATTACHED
    played.answers[PAGE] = page(*many, entry("more"))
    with pytest.raises(InputError, match="lists more than 1000 referrers"):
        played.look()


def test_pages_without_end_are_given_up(played: Played) -> None:
    played.answers[PAGE] = page(following=PAGE)
    with pytest.raises(InputError, match="lists more than 1000 referrers"):
        played.look()
    assert len(played.asked) == 100


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"manifests": []}', b'{"schemaVersion": 2, "manifests": 1}']
)
def test_what_is_no_list_is_told(played: Played, body: bytes) -> None:
    played.answers[PAGE] = Answer(200, {"Content-Type": OCI_INDEX}, body)
    with pytest.raises(InputError, match="its list of referrers"):
        played.look()
