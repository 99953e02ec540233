"""A push of which a third is refused, each repository in another way."""

from dataclasses import dataclass

import pytest

from airgap.sources.layout import Layout
from tests.support.images import Maker
from tests.support.pushing import put, tags, wanted
from tests.support.registry import Fault, MemoryRegistry, error, on
from tests.support.registry.storage import ca_pem, tls

IMAGES, IDLE = 100, 0.5
WAYS = {
    "400": error(400, "NAME_INVALID", "invalid repository name"),
    "401": error(401, "UNAUTHORIZED", "authentication required"),
    "403": error(403, "DENIED", "requested access to the resource is denied"),
    "404": error(404, "NAME_UNKNOWN", "repository name not known to registry"),
    "405": error(405, "UNSUPPORTED", "the operation is unsupported"),
    "413": Fault(status=413, body=b"<html>413 Request Entity Too Large</html>"),
    "429": error(429, "TOOMANYREQUESTS", "come back later", **{"Retry-After": "86400"}),
    "500": error(500, "UNKNOWN", "unknown error"),
    "cut": Fault(drop=True),
    "reset": Fault(drop=True, reset=True),
    "time-out": Fault(delay=IDLE + 2, status=504),
}


@dataclass
class Case:
    layout: Layout
    refused: dict[str, str]
    """The way in which an image is refused, by its repository."""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Images with a layer of all, a layer of ten, and one of their own."""
    maker = Maker(tmp_path_factory.mktemp("many") / "layout")
    base, groups = maker.bytes(20_000), [maker.bytes(5000) for _ in range(10)]
    refused, ways = {}, list(WAYS)
    for number in range(IMAGES):
        name = f"quay.io/org{number % 7}/app{number}"
        maker.image(base, groups[number % 10], maker.bytes(300 + number), name=f"{name}:1")
        if number % 3 == 0 and len(refused) < IMAGES // 3:
            way = ways[len(refused) % len(ways)]
            # Waiting is real time: one image of that kind is enough.
            spent = way == "time-out" and way in refused.values()
            refused[name] = "reset" if spent else way
    return Case(maker.layout(), refused)


def kind_or_not(*, secure: bool) -> MemoryRegistry:
    found = MemoryRegistry(tls=tls() if secure else None)
    found.ca_pem = ca_pem() if secure else b""
    return found


@pytest.fixture(scope="module")
def needed(case: Case, request: pytest.FixtureRequest) -> tuple[bool, int]:
    """Whether by TLS, and how many requests a registry gets then that refuses nothing."""
    with kind_or_not(secure=request.param) as kind:
        assert put(case.layout, kind).failed == []
        return request.param, len(kind.requests)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("methods", "needed"),
    [("", False), ("POST|PUT", False), ("PUT", False), ("", True), ("PUT", True)],
    ids=["all", "writes", "puts", "all, TLS", "puts, TLS"],
    indirect=["needed"],
)
def test_a_third_is_refused(case: Case, methods: str, needed: tuple[bool, int]) -> None:
    secure, requests = needed
    with kind_or_not(secure=secure) as registry:
        refuse_a_third(case, registry, methods, requests)


def refuse_a_third(case: Case, registry: MemoryRegistry, methods: str, needed: int) -> None:
    for repository, way in case.refused.items():
        registry.rules.append(on(WAYS[way], method=methods, repository=repository))
    report = put(case.layout, registry, idle=IDLE)

    names = [f"{repository}:1" for repository in case.refused]
    assert len(names) == IMAGES // 3
    assert [str(failure.reference) for failure in report.failed] == names
    assert [str(reference) for reference in report.unfinished] == names
    assert tags(registry) == wanted(case.layout, *names)
    for failure in report.failed:
        way = case.refused[failure.reference.name]
        assert failure.to_json()["status"] == (int(way) if way.isdigit() else None), way
        assert failure.error.hint
    most = 1.2 * needed + 8 * len(names)
    assert len(registry.requests) <= most, "what is refused costs little"
