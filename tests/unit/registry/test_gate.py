import threading

from airgap.registry.gate import MOST, START, Controller, Gate


def settle(controller: Controller, rate_of: "object", windows: int = 60) -> int:
    for _ in range(windows):
        controller.measured(rate_of(controller.limit))  # type: ignore[operator]
    return controller.limit


def test_each_connection_brings_more() -> None:
    controller = Controller()
    for _ in range(6):
        controller.measured(25e6 * controller.limit)
    assert controller.limit == MOST, "soon, not only at last"


def test_more_connections_bring_nothing() -> None:
    assert settle(Controller(), lambda _: 800e6) <= START + START // 2


def test_a_line_that_is_full_with_eight() -> None:
    assert 6 <= settle(Controller(), lambda n: 10e6 * min(n, 8)) <= 13


def test_a_complaint_halves_and_it_comes_back() -> None:
    controller = Controller()
    settle(controller, lambda n: 25e6 * n)
    controller.complained()
    assert controller.limit == MOST // 2
    assert settle(controller, lambda n: 25e6 * n) == MOST
    for _ in range(10):
        controller.complained()
    assert controller.limit == 1


def test_the_gate_lets_no_more_through() -> None:
    gate, inside, most = Gate(3), [0], [0]
    lock = threading.Lock()

    def work() -> None:
        for _ in range(50):
            with gate.pass_through():
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                gate.moved(1)
                with lock:
                    inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert inside == [0]
    assert most[0] <= 3


def test_as_many_may_prove_of_use_as_a_host_without_complaints_allows() -> None:
    assert Gate(3).worth == 3, "what was said is kept to"
    gate = Gate()
    assert gate.worth == MOST
    gate._controller.complained()  # type: ignore[union-attr]
    assert gate.worth == gate.limit < START


def test_who_waits_for_another_host_leaves_the_room_to_others() -> None:
    gate, entered = Gate(1), threading.Event()

    def other() -> None:
        with gate.pass_through():
            entered.set()

    with gate.pass_through():
        thread = threading.Thread(target=other)
        with gate.step_out():
            thread.start()
            assert entered.wait(20)
            thread.join(20)
        entered.clear()
        thread = threading.Thread(target=other)
        thread.start()
        assert not entered.wait(0.05), "the room was taken again"
    assert entered.wait(20)
    thread.join(20)


def test_who_is_outside_has_no_room_to_leave() -> None:
    gate = Gate(1)
    with gate.step_out(), gate.pass_through():
        pass
    with gate.pass_through(), gate.step_out():
        pass
    with gate.step_out(), gate.pass_through(), gate.step_out():
        pass
    assert gate._inside == 0
