"""One blob from a registry in memory that breaks, cuts, stalls, and packs what nobody asked for."""

import gzip
import threading
from collections.abc import Iterator

import pytest

from airgap.errors import AirgapError, InputError, NetworkError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.registry.blob import Download, Whole
from airgap.registry.client import Client
from airgap.registry.endpoint import Endpoint
from airgap.registry.options import Options
from airgap.transfer.ports import Sink
from tests.support import archives
from tests.support.clock import FakeClock
from tests.support.faults import Fault, Request, Rule, on
from tests.support.registry import MemoryRegistry
from tests.support.stack import Heard

BODY = bytes(range(256)) * 1024
TYPE = "application/vnd.oci.image.layer.v1.tar"
KEPT = 100_000


class Bench:
    def __init__(self, registry: MemoryRegistry, body: bytes = BODY) -> None:
        self.registry, self.clock = registry, FakeClock()
        self.blob = Descriptor(TYPE, Digest.parse(registry.content.add_blob("a", body)), len(body))
        self.content = bytearray()
        options = Options(clock=self.clock)
        endpoint = Endpoint(registry.address, registry.url)
        self.client = Client(endpoint, options, lambda _: None, Heard())

    def fetch(self, offset: int = 0) -> bytes:
        self.content[:] = BODY[:offset]
        self.download(self.client, self.content.extend, offset).run(memoryview(bytearray(4096)))
        return bytes(self.content)

    def download(self, client: Client, sink: Sink, offset: int = 0) -> Download:
        return Download(client, "a", self.blob, "a:1", Whole(sink, offset, self.blob.size), {})

    def fails(self, rule: Rule, kind: type[AirgapError] = NetworkError) -> AirgapError:
        self.registry.rule = rule
        with pytest.raises(kind) as caught:
            self.fetch()
        return caught.value

    @property
    def ranges(self) -> list[str | None]:
        return [r.headers.get("Range") for r in self.registry.requests]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with MemoryRegistry() as registry:
        found = Bench(registry)
        yield found
        found.client.close()


@pytest.mark.parametrize("offset", [0, 1, KEPT, len(BODY) - 1])
def test_what_is_missing_is_fetched(bench: Bench, offset: int) -> None:
    assert bench.fetch(offset) == BODY
    assert bench.ranges == [f"bytes={offset}-" if offset else None]


@pytest.mark.parametrize("cut", [0, 1, KEPT, len(BODY) - 1])
def test_it_goes_on_where_it_broke(bench: Bench, cut: int) -> None:
    bench.registry.rule = on(Fault(cut=cut), times=1)
    assert bench.fetch() == BODY
    assert bench.ranges == [None, f"bytes={cut}-" if cut else None]


def test_a_registry_that_ignores_ranges_is_read_from_the_start(bench: Bench) -> None:
    bench.registry.rule = lambda r: Fault(cut=KEPT) if r.number == 1 else Fault(whole=True)
    assert bench.fetch() == BODY


def test_a_registry_that_refuses_ranges_is_read_from_the_start(bench: Bench) -> None:
    def rule(request: Request) -> Fault | None:
        return Fault(status=416) if "Range" in request.headers else None

    bench.registry.rule = rule
    assert bench.fetch(KEPT) == BODY
    assert bench.ranges == [f"bytes={KEPT}-", None]


def test_tries_without_progress_are_bounded(bench: Bench) -> None:
    error = bench.fails(on(Fault(cut=0)))
    assert "ended" in error.message or "broke" in error.message
    assert len(bench.registry.requests) == 6


def test_tries_with_progress_are_not_counted(bench: Bench) -> None:
    bench.registry.rule = on(Fault(cut=70_000))
    assert bench.fetch() == BODY
    assert len(bench.registry.requests) == 4


def test_refusals_and_breaks_share_their_tries(bench: Bench) -> None:
    """Never six times six: the same six tries for what is refused and what breaks half-way."""
    bench.fails(lambda r: Fault(cut=0) if r.number % 2 else Fault(status=503))
    assert len(bench.registry.requests) == 6


def test_more_than_it_should_be(bench: Bench) -> None:
    wrong = Fault(status=200, body=BODY + b"x")
    assert f"sent more than the {len(BODY)} bytes" in bench.fails(on(wrong), InputError).message
    assert len(bench.registry.requests) == 1


def test_a_blob_that_is_not_there(bench: Bench) -> None:
    told = bench.fails(on(Fault(status=404)), InputError).message
    assert told == f"a:1: {bench.registry.address} lacks the blob {bench.blob.digest}"


def test_a_refusal_names_the_image(bench: Bench) -> None:
    told = bench.fails(on(Fault(status=405)), InputError).message
    assert told == f"a:1: {bench.registry.address} answered 405 to GET"


@pytest.mark.parametrize("chunked", [True, False])
def test_what_was_compressed_on_its_way_is_unpacked(bench: Bench, chunked: bool) -> None:
    bench.registry.rule = on(Fault(gzip=True, chunked=chunked))
    assert bench.fetch() == BODY


def test_what_is_compressed_and_breaks_is_read_from_the_start(bench: Bench) -> None:
    bench.registry.rule = lambda r: Fault(gzip=True, cut=500 if r.number == 1 else None)
    assert bench.fetch() == BODY


def test_a_layer_that_is_compressed_itself_is_not_unpacked() -> None:
    packed = gzip.compress(BODY)
    with MemoryRegistry() as registry:
        bench = Bench(registry, packed)
        registry.rule = on(Fault(add={"Content-Encoding": "gzip"}))
        assert bench.fetch() == packed
        bench.client.close()


def test_what_unpacks_to_more_than_it_should_is_given_up(bench: Bench) -> None:
    bomb = archives.zeros(20)
    wrong = Fault(status=200, body=bomb, headers={"Content-Encoding": "gzip"})
    assert "sent more than" in bench.fails(on(wrong), InputError).message


def test_what_is_not_compressed_in_spite_of_its_word(bench: Bench) -> None:
    wrong = Fault(status=200, body=b"plain", headers={"Content-Encoding": "gzip"})
    assert "said to be compressed" in bench.fails(on(wrong)).message


def test_a_stall_ends_and_is_taken_up(bench: Bench) -> None:
    bench.registry.rule = on(Fault(stall=60), times=1)
    options = Options(clock=bench.clock, idle=0.5)
    endpoint = Endpoint(bench.registry.address, bench.registry.url)
    client = Client(endpoint, options, lambda _: None, Heard())
    bench.download(client, bench.content.extend).run(memoryview(bytearray(4096)))
    assert bench.content == BODY
    assert len(bench.registry.requests) == 2
    client.close()


class Passing(FakeClock):
    """Time passes whenever somebody looks."""

    def now(self) -> float:
        super().wait(threading.Event(), 31)
        return super().now()


def test_a_trickle_ends(bench: Bench) -> None:
    """More than nothing, but less than is of use."""
    options = Options(clock=Passing(), tries=2)
    endpoint = Endpoint(bench.registry.address, bench.registry.url)
    client = Client(endpoint, options, lambda _: None, Heard())
    download = bench.download(client, lambda _: None)
    with pytest.raises(NetworkError, match="too slow"):
        download.run(memoryview(bytearray(256)))
    client.close()
