"""A large layer from registries of every kind: in pieces where they give parts, right always."""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.oci.digest import Digest
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.pack import pack
from airgap.pack.pieces import GRAIN
from airgap.pack.request import Request as PackRequest
from airgap.pack.result import Result
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.registry import RegistrySource
from airgap.spec.spec import Spec
from airgap.spec.wanted import Wanted
from tests.support.clock import FakeClock
from tests.support.images import Stock
from tests.support.registry import Fault, MemoryRegistry, Request, Rule
from tests.support.registry.storage import Storage, behind_redirects
from tests.support.serving import Answer

MIB = 1 << 20
BIG = random.Random(5).randbytes(34 * MIB)
DIGEST = Digest.of(BIG)
PIECES = len(BIG) / GRAIN
"""The requests that pieces of the least size need."""


@dataclass
class Site:
    """A registry with one large image, and what is packed from it."""

    registry: MemoryRegistry
    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    connections: int | None = None

    def put(self, name: str, *layers: bytes) -> None:
        Stock(self.registry, name).image(*layers, name="1")

    def pack(self, *names: str) -> Result:
        """Pack, prove the file, and compare it with the one that an undisturbed run made."""
        places = (f"{self.registry.address}/{name}:1" for name in names)
        wanted = tuple(Wanted(Reference.parse(place)) for place in places)
        spec = Spec(wanted, platforms=(Platform("linux", "amd64"),))
        request = PackRequest(spec, wanted, self.folder / "b.tar")
        options = Options(clock=self.clock, connections=self.connections)
        with RegistrySource(options) as source:
            result = pack(request, source, Silent())
        if result.error:
            raise result.error
        with Bundle.open(result.path) as bundle:
            bundle.verify()
            assert DIGEST in bundle
        return result

    @property
    def asked(self) -> list[Request]:
        """The requests for the large layer."""
        return [r for r in self.registry.requests if str(DIGEST) in r.path]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with MemoryRegistry() as registry:
        found = Site(registry, tmp_path)
        found.put("org/big", BIG)
        found.put("org/small", *(bytes([n]) * 1000 for n in range(20)))
        yield found


def on_big(fault: Callable[[Request], Fault | None]) -> Rule:
    return lambda request: fault(request) if str(DIGEST) in request.path else None


def test_a_large_layer_comes_in_pieces_over_several_connections(site: Site) -> None:
    result = site.pack("org/big", "org/small")
    assert len({request.connection for request in site.asked}) > 1
    assert 2 < len(site.asked) <= PIECES * 1.2
    assert len({request.headers["Range"] for request in site.asked}) == len(site.asked)
    assert result.fetched < len(BIG) + MIB


def test_small_lists_cost_the_requests_that_they_did(site: Site) -> None:
    site.pack("org/big", "org/small")
    site.registry.requests.clear()
    (site.folder / "b.tar").unlink()
    with pytest.raises(AssertionError):  # the large layer is not in it
        site.pack("org/small")
    blobs = [request for request in site.registry.requests if "/blobs/" in request.path]
    assert len(blobs) == 21, "20 layers and the config, which the lookup read"
    assert not any("Range" in request.headers for request in blobs)


def test_one_connection_fetches_it_as_a_whole(site: Site) -> None:
    site.connections = 1
    site.pack("org/big")
    assert [request.headers.get("Range") for request in site.asked] == [None]


def test_no_more_connections_than_the_host_may_have(site: Site) -> None:
    site.connections = 3
    site.pack("org/big", "org/small")
    assert len({request.connection for request in site.asked}) <= 3 + 1  # one looked things up


def test_a_registry_that_ignores_ranges_is_asked_once(site: Site) -> None:
    site.registry.rule = on_big(lambda _: Fault(whole=True))
    site.pack("org/big", "org/small")
    assert len(site.asked) == 1


def test_one_that_cannot_give_parts_is_asked_for_the_whole(site: Site) -> None:
    site.registry.rule = on_big(lambda r: Fault(status=416) if "Range" in r.headers else None)
    site.pack("org/big", "org/small")
    assert len(site.asked) == 2


@pytest.mark.parametrize("after", [1, 2])
def test_one_that_stops_to_give_parts(site: Site, after: int) -> None:
    """As a proxy does whose cache has the blob from some moment on."""
    seen: list[Request] = []

    def fault(request: Request) -> Fault | None:
        seen.append(request)
        return Fault(whole=True) if len(seen) > after else None

    site.registry.rule = on_big(fault)
    site.pack("org/big")
    assert len(site.asked) <= PIECES * 1.2


@pytest.mark.parametrize(
    "length", ["bytes 0-9/10", f"bytes 0-99/{len(BIG) + 1}", "bytes */5", "", None, "bytes 9-3/*"]
)
def test_another_length_makes_it_a_whole(site: Site, length: str | None) -> None:
    site.registry.rule = on_big(
        lambda r: Fault(add={"Content-Range": length}) if "Range" in r.headers else None
    )
    site.pack("org/big")
    assert len(site.asked) <= 2


def test_one_that_gives_less_than_it_was_asked_for(site: Site) -> None:
    def look(request: Request, _: bytes) -> Answer | None:
        first, _, last = request.headers.get("Range", "").removeprefix("bytes=").partition("-")
        if not last or str(DIGEST) not in request.path:
            return None
        part = BIG[int(first) : min(int(last) + 1, int(first) + 3 * MIB)]
        end = int(first) + len(part) - 1
        return Answer(206, {"Content-Range": f"bytes {first}-{end}/{len(BIG)}"}, part)

    site.registry.looks.append(look)
    site.pack("org/big")
    assert not site.clock.waits, "nothing broke"


def versions(site: Site, change: int, *, honest: bool, tags: bool) -> None:
    """Give altered content up to request number ``change``, and the right one from then on."""
    altered = bytearray(BIG)
    altered[len(BIG) // 2] ^= 1
    count, lock = 0, threading.Lock()

    def look(request: Request, _: bytes) -> Answer | None:
        nonlocal count
        if str(DIGEST) not in request.path:
            return None
        with lock:
            count += 1
            old = count <= change
        content, tag = (bytes(altered), '"old"') if old else (BIG, '"new"')
        headers = {"ETag": tag} if tags else {}
        wanted = request.headers.get("If-Range", tag)
        span = request.headers.get("Range", "").removeprefix("bytes=")
        if not span or (honest and wanted != tag):
            return Answer(200, headers, content)
        first, _, last = span.partition("-")
        end = int(last) if last else len(content) - 1
        headers["Content-Range"] = f"bytes {first}-{end}/{len(content)}"
        return Answer(206, headers, memoryview(content)[int(first) : end + 1])

    site.registry.looks.append(look)


@pytest.mark.parametrize("change", [1, 3])
@pytest.mark.parametrize("honest", [True, False], ids=["If-Range", "without If-Range"])
@pytest.mark.parametrize("tags", [True, False], ids=["ETag", "without ETag"])
def test_content_that_changes_between_two_pieces(
    site: Site, change: int, honest: bool, tags: bool
) -> None:
    versions(site, change, honest=honest, tags=tags)
    site.pack("org/big")
    assert len(site.asked) <= PIECES * 1.2 + 2


def test_every_third_connection_is_cut(site: Site) -> None:
    seen: dict[int, int] = {}  # in the order in which connections ask for the layer
    cut = 0

    def fault(request: Request) -> Fault | None:
        nonlocal cut
        if seen.setdefault(request.connection, len(seen)) % 3:
            return None
        cut += 1
        return Fault(cut=5 * MIB)

    site.registry.rule = on_big(fault)
    result = site.pack("org/big", "org/small")
    assert cut
    assert not site.clock.waits, "who brought so much is asked again at once"
    assert len(site.asked) - cut <= PIECES * 1.2
    assert result.fetched < len(BIG) + MIB


def test_a_registry_that_counts_requests(site: Site) -> None:
    """Two requests in ten seconds: who is told to wait waits, and then asks for no more pieces."""
    lock, served = threading.Lock(), list[float]()

    def fault(request: Request) -> Fault | None:
        with lock:
            now = site.clock.now()
            if sum(at > now - 10 for at in served) >= 2:
                return Fault(status=429, headers={"Retry-After": "10"})
            served.append(now)
        return None

    site.registry.rule = on_big(fault)
    site.pack("org/big")
    refused = len(site.asked) - len(served)
    assert 0 < refused <= len(served) <= PIECES * 1.2


def test_parts_from_storage_behind_redirects(tmp_path: Path) -> None:
    with behind_redirects() as (registry, storage):
        site = Site(registry, tmp_path)
        site.put("org/big", BIG)
        site.pack("org/big")
        parts = [r for r in storage.server.requests if str(DIGEST) in r.path]
        assert 2 < len(parts) == len(site.asked) <= PIECES * 1.2
        assert all("Range" in request.headers for request in parts)


def test_signed_addresses_that_serve_once(tmp_path: Path) -> None:
    with behind_redirects() as (registry, storage):
        storage.uses = 1
        site = Site(registry, tmp_path)
        site.put("org/big", BIG)
        site.pack("org/big")
        _check_redirects(storage)


def _check_redirects(storage: Storage) -> None:
    assert all(count == 1 for count in storage._served.values())
