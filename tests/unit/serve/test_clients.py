import threading
from dataclasses import dataclass, field

import pytest

from airgap.serve.clients import Clients, Room, block


class Caller:
    """A client that leaves when it is hung up on, as a thread on a closed connection does."""

    def __init__(self, clients: Clients, address: str = "10.0.0.1") -> None:
        self.hung_up = threading.Event()
        self.client = clients.enter(address, self.hung_up.set)

    @property
    def placed(self) -> bool:
        assert self.client
        return self.client.placed.is_set() and not self.hung_up.is_set()

    def busy(self) -> bool:
        return bool(self.client and self.client.busy())

    def leave(self) -> None:
        assert self.client
        self.client.leave()


@dataclass
class Told:
    """What an operator hears."""

    lines: list[str] = field(default_factory=list)

    def clients(self, *room: float) -> Clients:
        places, waiting, grace, turn = room
        return Clients(Room(int(places), int(waiting), grace, turn), self.lines.append)


@pytest.fixture
def told() -> Told:
    return Told()


HOUR = 3600


def test_the_longest_idle_one_goes_for_a_new_one(told: Told) -> None:
    clients = told.clients(3, 3, 0, HOUR)
    first, second, third = (Caller(clients) for _ in range(3))
    assert first.busy()
    assert second.busy()
    assert second.client
    assert second.client.idle()
    new = Caller(clients)
    assert third.hung_up.is_set()  # idle since before the second one was again
    assert not new.placed
    assert not third.busy()
    assert third.client
    assert not third.client.idle()
    third.leave()
    assert new.placed
    assert not first.hung_up.is_set()
    assert not second.hung_up.is_set()
    assert told.lines == []


def test_a_new_one_waits_while_all_are_busy(told: Told) -> None:
    clients = told.clients(2, 2, 0, HOUR)
    callers = [Caller(clients) for _ in range(2)]
    assert all(caller.busy() for caller in callers)
    new = Caller(clients)
    assert not new.placed
    assert not any(caller.hung_up.is_set() for caller in callers)
    callers[0].leave()
    assert new.placed


def test_one_that_has_been_idle_for_a_moment_stays(told: Told) -> None:
    clients = told.clients(1, 1, HOUR, HOUR)
    idle, new = Caller(clients), Caller(clients)
    assert not new.placed
    assert not idle.hung_up.is_set()
    idle.leave()
    assert new.placed


def test_one_that_becomes_idle_goes_where_another_waits(told: Told) -> None:
    clients = told.clients(1, 1, 0, HOUR)
    only = Caller(clients)
    assert only.busy()
    new = Caller(clients)
    assert only.client
    assert not only.client.idle()
    only.leave()
    assert new.placed


def test_who_waits_wakes_when_a_place_is_there(told: Told) -> None:
    clients = told.clients(1, 1, HOUR, HOUR)
    first, second = Caller(clients), Caller(clients)
    got: list[bool] = []
    assert second.client
    thread = threading.Thread(
        target=lambda: got.append(bool(second.client and second.client.wait()))
    )
    thread.start()
    first.leave()
    thread.join(10)
    assert got == [True]


def test_all_go_at_the_end(told: Told) -> None:
    clients = told.clients(1, 1, HOUR, HOUR)
    caller, waiting = Caller(clients), Caller(clients)
    ending = threading.Thread(target=clients.stop, args=(10,))
    ending.start()
    assert caller.hung_up.wait(10)
    assert waiting.hung_up.wait(10)
    assert waiting.client
    assert not waiting.client.wait()
    for one in (caller, waiting):
        one.leave()
    ending.join(10)
    assert not ending.is_alive()
    assert clients.enter("10.0.0.1", lambda: None) is None


def test_the_idle_one_of_the_address_that_has_most_goes(told: Told) -> None:
    """Not the one that has been idle for longest: it is the only one of its address."""
    clients = told.clients(4, 4, 0, HOUR)
    honest = Caller(clients, "10.0.0.9")
    many = [Caller(clients) for _ in range(3)]
    new = Caller(clients, "10.0.0.8")
    assert not honest.hung_up.is_set()
    assert many[0].hung_up.is_set()
    many[0].leave()
    assert new.placed
    assert [line.split(" ")[0] for line in told.lines] == ["10.0.0.1"]


def test_a_place_goes_to_the_address_that_has_fewest(told: Told) -> None:
    clients = told.clients(4, 8, HOUR, HOUR)
    inside = [Caller(clients) for _ in range(4)]
    before = [Caller(clients) for _ in range(4)]
    other = Caller(clients, "10.0.0.9")
    inside[0].leave()
    assert other.placed
    assert not any(caller.placed for caller in before)


def test_who_has_hardly_a_place_gets_one_although_all_are_busy(told: Told) -> None:
    """As where one client reads 256 blobs, a byte now and then."""
    clients = told.clients(64, 64, HOUR, 0)
    inside = [Caller(clients) for _ in range(64)]
    assert all(caller.busy() for caller in inside)
    own = Caller(clients)
    assert not any(caller.hung_up.is_set() for caller in inside), (
        "an address makes no way for itself"
    )
    others = [Caller(clients, "10.0.0.9") for _ in range(10)]
    for _ in range(64):  # those who are told to go do so
        for caller in inside:
            if caller.hung_up.is_set() and caller.client:
                caller.leave()
                caller.client = None
    assert sum(caller.placed for caller in others) == Room(64).few == 4
    assert not own.placed
    assert len(told.lines) == 1, "told once"


def test_who_fills_the_queue_shuts_out_himself_alone(told: Told) -> None:
    clients = told.clients(2, 4, HOUR, HOUR)
    many = [Caller(clients) for _ in range(6)]
    assert all(caller.client for caller in many)
    assert Caller(clients).client is None
    assert Caller(clients).client is None
    other = Caller(clients, "10.0.0.9")
    assert other.client
    assert many[-1].hung_up.is_set(), "who came last of the address that has most"
    assert not any(caller.hung_up.is_set() for caller in many[:-1])
    many[0].leave()
    assert not other.placed, "the one that went is not gone yet"
    many[-1].leave()
    assert other.placed
    assert len(told.lines) == 1


def test_one_idle_client_goes_where_files_are_short(told: Told) -> None:
    clients = told.clients(4, 4, HOUR, HOUR)
    first, second = Caller(clients), Caller(clients)
    clients.relieve(0)
    clients.relieve(0)
    assert (first.hung_up.is_set(), second.hung_up.is_set()) == (True, False)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_which_addresses_are_one_client(one: str, other: str, same: bool) -> None:
    assert (block(one) == block(other)) == same
