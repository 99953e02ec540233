"""The clients of a source: one Stop, handed in, ends them all."""

import pytest

from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.clients import Clients
from airgap.sources.registry import RegistrySource
from airgap.transfer.stop import Stop, Stopped
from tests.support.clock import FakeClock
from tests.support.registry import Fault, MemoryRegistry, Request, error

NAMES = [Reference.parse("a.example/x:1"), Reference.parse("b.example/x:1")]


def test_one_stop_ends_every_client_those_to_come_as_well() -> None:
    stop, clock = Stop(), FakeClock()
    with MemoryRegistry() as registry:
        mirrors = {name.host: registry.url for name in NAMES}
        clients = Clients(Options(mirrors=mirrors, clock=clock), Silent(), stop)
        before, _ = clients.of(NAMES[0])
        stop.set()
        after, _ = clients.of(NAMES[1])
        for client in (before, after):
            with pytest.raises(Stopped), client.request("GET", "/v2/", scope=""):
                pass
        clients.close()
        assert registry.count("GET") == 0


def test_a_source_that_waits_hears_of_the_end() -> None:
    stop, clock = Stop(), FakeClock()

    def ends(_: Request) -> Fault:
        stop.set()
        return error(503, "DOWN")

    with MemoryRegistry() as registry:
        registry.rule = ends
        options = Options(mirrors={NAMES[0].host: registry.url}, clock=clock)
        with RegistrySource(options, stop=stop) as source, pytest.raises(Stopped):
            source.resolve(NAMES[0])
        assert (registry.count("GET"), clock.waits) == (1, [])
