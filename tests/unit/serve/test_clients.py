import threading

from airgap.serve.clients import Clients


class Caller:
    """A client that leaves when it is hung up on, as a thread on a closed connection does."""

    def __init__(self, clients: Clients) -> None:
        self.hung_up = threading.Event()
        self.client = clients.admit(self.hung_up.set)

    def busy(self) -> bool:
        return bool(self.client and self.client.busy())

    def leave(self) -> None:
        assert self.client
        self.client.leave()


def admitted_later(clients: Clients) -> tuple[threading.Event, threading.Thread]:
    done = threading.Event()
    thread = threading.Thread(target=lambda: (Caller(clients), done.set()))
    thread.start()
    return done, thread


def test_the_longest_idle_one_goes_for_a_new_one() -> None:
    clients = Clients(3, 0)
    first, second, third = (Caller(clients) for _ in range(3))
    assert first.busy()
    assert second.busy()
    assert second.client
    assert second.client.idle()
    done, thread = admitted_later(clients)
    assert third.hung_up.wait(10)  # idle since before the second one was again
    assert not done.is_set()
    assert not third.busy()
    assert third.client
    assert not third.client.idle()
    third.leave()
    thread.join(10)
    assert done.is_set()
    assert not first.hung_up.is_set()
    assert not second.hung_up.is_set()


def test_a_new_one_waits_while_all_are_busy() -> None:
    clients = Clients(2, 0)
    callers = [Caller(clients) for _ in range(2)]
    assert all(caller.busy() for caller in callers)
    done, thread = admitted_later(clients)
    assert not done.wait(0.1)
    assert not any(caller.hung_up.is_set() for caller in callers)
    callers[0].leave()
    thread.join(10)
    assert done.is_set()


def test_one_that_has_been_idle_for_a_moment_stays() -> None:
    clients = Clients(1, 3600)
    idle = Caller(clients)
    done, thread = admitted_later(clients)
    assert not done.wait(0.1)
    assert not idle.hung_up.is_set()
    idle.leave()
    thread.join(10)
    assert done.is_set()


def test_all_go_at_the_end() -> None:
    clients = Clients(1, 3600)
    caller = Caller(clients)
    waiting = threading.Thread(target=clients.admit, args=(lambda: None,))
    waiting.start()
    ending = threading.Thread(target=clients.stop, args=(10,))
    ending.start()
    assert caller.hung_up.wait(10)
    caller.leave()
    for thread in (waiting, ending):
        thread.join(10)
        assert not thread.is_alive()
    assert clients.admit(lambda: None) is None
