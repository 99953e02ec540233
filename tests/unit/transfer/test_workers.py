import threading

import pytest

from airgap.errors import InputError, NetworkError, ResourceError
from airgap.transfer.stop import Stop, Stopped
from airgap.transfer.workers import each


def test_results_and_failures_come_in_the_order_of_the_items() -> None:
    def halve(number: int) -> int:
        if number % 2:
            raise InputError(f"{number} is odd")
        return number // 2

    outcome = each(halve, range(7), Stop())
    assert outcome.done == [(0, 0), (2, 1), (4, 2), (6, 3)]
    assert [(n, e.message) for n, e in outcome.failed] == [(n, f"{n} is odd") for n in (1, 3, 5)]


def test_nothing_is_nothing() -> None:
    assert each(str, [], Stop()) == each(str, (), Stop())


def test_a_fatal_failure_is_told_at_once_and_not_in_its_turn() -> None:
    """The first item takes until the end of the run; the second ends it."""
    stop, begun = Stop(), []

    def work(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ResourceError("the disk is full")
        stop.wait(60)

    with pytest.raises(ResourceError, match="full"):
        each(work, range(1000), stop, most=2)
    assert stop.is_set
    assert len(begun) <= 3, "what was not begun is not begun any more"


def test_who_is_stopped_is_not_the_one_to_blame() -> None:
    stop, waiting = Stop(), threading.Barrier(3)

    def work(number: int) -> None:
        waiting.wait()
        if number == 2:
            raise ZeroDivisionError
        stop.wait(60)

    with pytest.raises(ZeroDivisionError):
        each(work, range(3), stop)


def test_a_run_that_somebody_else_ended_does_nothing_more() -> None:
    stop, begun = Stop(), []
    stop.set()
    with pytest.raises(Stopped):
        each(begun.append, range(3), stop)
    assert begun == []


def test_no_more_at_a_time_than_is_said() -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.002)
        with lock:
            inside -= 1

    each(work, range(40), Stop(), most=3)
    assert most <= 3


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_a_host_that_allows_few_threads_gets_few(
    allowed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, begun = threading.Thread.start, list[threading.Thread]()

    def bounded(thread: threading.Thread) -> None:
        if len(begun) == allowed:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", bounded)
    if allowed:
        outcome = each(str, range(100), Stop(), most=16)
        assert [text for _, text in outcome.done] == list(map(str, range(100)))
    else:
        with pytest.raises(RuntimeError, match="new thread"):
            each(str, range(100), Stop())


def test_ctrl_c_ends_the_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Stop()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("airgap.transfer.workers.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        each(lambda _: stop.wait(60), range(4), stop)
    assert stop.is_set


def test_one_failure_of_the_network_leaves_the_others() -> None:
    def work(number: int) -> int:
        if number == 0:
            raise NetworkError("gone")
        return number

    assert [n for n, _ in each(work, range(5), Stop()).done] == [1, 2, 3, 4]
