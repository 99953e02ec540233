import threading

import pytest

from airgap.transfer.stop import Stop, Stopped
from tests.support.clock import FakeClock


def test_a_wait_passes_by_the_clock_that_is_handed_in() -> None:
    clock = FakeClock()
    Stop(clock).wait(3600)
    assert (clock.now(), clock.waits) == (3600, [3600])


def test_a_wait_ends_when_the_run_ends() -> None:
    stop = Stop()
    threading.Timer(0.01, stop.set).start()
    with pytest.raises(Stopped):
        stop.wait(60)


@pytest.mark.parametrize("meet", [Stop.check, lambda stop: stop.wait(60)])
def test_after_the_end_nobody_waits(meet) -> None:  # type: ignore[no-untyped-def]
    clock = FakeClock()
    stop = Stop(clock)
    stop.check()
    stop.set()
    with pytest.raises(Stopped):
        meet(stop)
    assert clock.waits == []


def test_who_asked_is_told_once() -> None:
    stop, told = Stop(), []
    stop.then(lambda: told.append("before"))
    stop.set()
    stop.set()
    stop.then(lambda: told.append("after"))
    assert told == ["before", "after"]
