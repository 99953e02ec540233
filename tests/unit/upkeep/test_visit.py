import pytest

from airgap.errors import BusyError, ResourceError
from airgap.upkeep.visit import visit
from tests.support.cluster import FakeHost, Told


def test_one_at_a_time_for_each_cluster() -> None:
    host, told = FakeHost(), Told()
    with visit("a", {}, told, host.tools, wait=False) as engine:
        assert engine is host.engine
        with visit("b", {}, told, host.tools, wait=False):
            pass
        with pytest.raises(BusyError), visit("a", {}, told, host.tools, wait=False):
            pass
    with visit("a", {}, told, host.tools, wait=False):
        pass


def test_docker_s_silence_is_an_error() -> None:
    host = FakeHost()
    host.engine.broken["info"] = "docker: no answer"
    with pytest.raises(ResourceError, match="no answer"):
        visit("a", {}, Told(), host.tools, wait=False).__enter__()
