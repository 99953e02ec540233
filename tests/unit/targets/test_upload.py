"""Where an upload goes, and what registries answer to it."""

from dataclasses import replace

import pytest

from airgap.sources.layout import Layout
from tests.support.pushing import put, tags, wanted
from tests.support.registry import Fault, MemoryRegistry, Request, redirect
from tests.support.registry.doors import Tokens
from tests.support.serving import Answer


def again(request: Request) -> str:
    return f"{request.path}{'&' if '?' in request.path else '?'}again=1"


FORMS = {
    "a path": lambda url, location: location.removeprefix(url),
    "below the request's": lambda url, location: location.rpartition("/")[2],
    "without a scheme": lambda url, location: location.removeprefix("http:"),
    "a scheme in capitals": lambda url, location: location.replace("http:", "HTTP:"),
    "a longer query": lambda url, location: f"{location}&a=b%2Fc&x=%3D",
    "a fragment": lambda url, location: f"{location}#part",
}


@pytest.mark.parametrize("size", [0, 700], ids=["whole", "in chunks"])
@pytest.mark.parametrize("form", FORMS)
def test_where_an_upload_goes_in_any_form(
    registry: MemoryRegistry, layout: Layout, form: str, size: int
) -> None:
    answer = registry.answer

    def bent(request: Request, body: bytes) -> Answer:
        found = answer(request, body)
        if "Location" in found.headers:
            found.headers["Location"] = FORMS[form](registry.url, found.headers["Location"])
        return found

    registry.answer = bent
    assert put(layout, registry, chunk_size=size).failed == []
    assert tags(registry) == wanted(layout)


@pytest.mark.parametrize("uses", [2, 3, 5, 7])
def test_a_token_that_ends_between_chunks(
    registry: MemoryRegistry, layout: Layout, uses: int
) -> None:
    """The chunk is sent again, the same bytes, within the same upload."""
    registry.door = Tokens(registry, uses=uses)
    assert put(layout, registry, chunk_size=300, connections=1).failed == []
    assert tags(registry) == wanted(layout)
    assert len({r.path for r in registry.requests if r.method == "PATCH"}) == 1, "one session"


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("fault", ["challenge", "redirect"])
def test_a_chunk_that_is_asked_for_twice(
    registry: MemoryRegistry, layout: Layout, fault: str, early: bool
) -> None:
    registry.door = Tokens(registry)
    challenge = {"WWW-Authenticate": f'Bearer realm="{registry.url}/token",service="test"'}

    def bend(request: Request) -> Fault | None:
        if request.method != "PATCH" or "again" in request.path or request.number % 2:
            return None
        if fault == "redirect":
            return replace(redirect(again(request)), early=early)
        return Fault(status=401, headers=challenge, early=early)

    registry.rules.append(bend)
    assert put(layout, registry, chunk_size=300).failed == []
    assert tags(registry) == wanted(layout)


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_manifest_that_is_taken_with_another_status(
    registry: MemoryRegistry, layout: Layout, status: int
) -> None:
    answer = registry.answer

    def bent(request: Request, body: bytes) -> Answer:
        found = answer(request, body)
        found.status = status if found.status == 201 and request.method == "PUT" else found.status
        return found

    registry.answer = bent
    assert put(layout, registry).failed == []
    assert tags(registry) == wanted(layout)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_writes_that_are_led_elsewhere(
    registry: MemoryRegistry, layout: Layout, method: str, status: int
) -> None:
    """They follow within the registry, where the method stays; another host gets nothing."""

    def lead(request: Request) -> Fault | None:
        if request.method != method or "again" in request.path:
            return None
        return redirect(again(request), status)

    registry.rules.append(lead)
    report = put(layout, registry)
    if status in (307, 308):
        assert report.failed == []
        assert tags(registry) == wanted(layout)
    else:
        assert {f.to_json()["status"] for f in report.failed} == {status}
        assert f"it leads to {registry.url}" in str(report.failed[0].error.hint)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_no_other_host_is_written_to(registry: MemoryRegistry, layout: Layout, method: str) -> None:
    with MemoryRegistry(host="localhost") as other:
        registry.rules.append(
            lambda r: redirect(f"{other.url}{r.path}") if r.method == method else None
        )
        report = put(layout, registry)
        assert len(report.failed) == 2
        assert report.failed[0].error.hint == f"it leads to {other.url}: name that address instead"
        assert other.requests == []
