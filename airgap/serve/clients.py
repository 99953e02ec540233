"""Clients: those who are connected, so many at the most, and no address for itself alone.

So many have a place and are served; as many more wait for one. A place goes to whoever's address
has fewest of them. Where all are taken, one goes that wants nothing now: of the address that has
most, the one that has been idle for longest. Where nobody is idle, those who wait do so until
somebody leaves; but an address that has hardly a place gets one from the address that has most.
"""

import ipaddress
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

HangUp = Callable[[], None]
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Room:
    """How many may come, and how long they may stay.

    Attributes:
        places: how many are served at once.
        waiting: how many more may wait for a place.
        grace: the seconds for which an idle one may stay although others wait.
        turn: the seconds after which an address with hardly a place need not wait any longer.
    """

    places: int = 256
    waiting: int = 256
    grace: float = 1
    turn: float = 10

    @property
    def few(self) -> int:
        """With fewer places than this, an address has hardly one."""
        return max(1, self.places // 16)


class Clients:
    """Everybody who is connected. Thread-safe.

    Args:
        room: how many there may be.
        tell: is told, once of each, which address took so much that it had to give way.
    """

    def __init__(self, room: Room, tell: Callable[[str], None]) -> None:
        self._room, self._tell = room, tell
        # In the order in which they came to be so, with the time.
        self._waiting: dict[Client, float] = {}
        self._idle: dict[Client, float] = {}
        self._busy: dict[Client, float] = {}
        self._going: set[Client] = set()
        self._told: set[str] = set()
        self._changed = threading.Condition()
        self._stopped = False

    def enter(self, address: str, hang_up: HangUp) -> "Client | None":
        """Let a client come, and wait for a place; None where too many of its address wait."""
        with self._changed:
            client = Client(self, block(address), hang_up)
            if self._stopped or (self._is_full() and not self._make_way(client)):
                return None
            self._waiting[client] = time.monotonic()
            self._give_places()
            self._let_one_go()
            return client

    def relieve(self, seconds: float) -> None:
        """Let an idle one go, and wait until somebody has left, or for some time."""
        with self._changed:
            if self._idle and not self._going:
                self._end(next(iter(self._idle)))
            self._changed.wait(seconds)

    def stop(self, seconds: float) -> None:
        """Let everybody go, and wait for that, ``seconds`` at the most."""
        with self._changed:
            self._stopped = True
            for client in self._everybody():
                self._end(client)
            self._changed.wait_for(lambda: not self._everybody(), seconds)

    def _everybody(self) -> list["Client"]:
        return [*self._waiting, *self._idle, *self._busy, *self._going]

    def _is_full(self) -> bool:
        return len(self._everybody()) >= self._room.places + self._room.waiting

    def _give_places(self) -> None:
        while self._waiting and len(self._everybody()) - len(self._waiting) < self._room.places:
            client = self._next(_count((*self._idle, *self._busy)))
            del self._waiting[client]
            self._idle[client] = time.monotonic()
            client.placed.set()

    def _next(self, places: Counter[str]) -> "Client":
        """Return whose turn it is: who came first, of the address that has fewest places."""
        return min(self._waiting, key=lambda client: places[client.block])

    def _let_one_go(self) -> None:
        """Let as many go as wait, few at once."""
        if len(self._going) >= min(len(self._waiting), self._room.few):
            return
        now, places = time.monotonic(), _count((*self._idle, *self._busy))
        waits, few = self._next(places), self._room.few
        idle = [c for c, since in self._idle.items() if now - since >= self._room.grace]
        if idle:
            self._give_way(max(idle, key=lambda client: places[client.block]), waits, places)
            return
        has = places[waits.block] + len(self._going)
        if has >= few or now - self._waiting[waits] < self._room.turn:
            return
        most = max(self._busy, key=lambda client: places[client.block], default=None)
        if most and places[most.block] > few:
            self._give_way(most, waits, places)

    def _make_way(self, newcomer: "Client") -> bool:
        """Let one of the address that has most waiting go, unless that is the newcomer's own."""
        waiting = _count(self._waiting)
        most = max(reversed(self._waiting), key=lambda c: waiting[c.block], default=None)
        room = len(self._going) < self._room.waiting
        if most and room and waiting[most.block] > waiting[newcomer.block] + 1:
            self._give_way(most, newcomer, waiting)
            return True
        self._blame(newcomer.block)
        return False

    def _give_way(self, client: "Client", other: "Client", counts: Counter[str]) -> None:
        if client.block != other.block and counts[client.block] * 2 > counts.total():
            self._blame(client.block)
        self._end(client)

    def _blame(self, who: str) -> None:
        if who not in self._told and len(self._told) < _REMEMBERED:
            self._told.add(who)
            self._tell(f"{who} has so many connections that some are ended: others want a place")

    def _end(self, client: "Client") -> None:
        for one in (self._waiting, self._idle, self._busy):
            one.pop(client, None)
        self._going.add(client)
        client.placed.set()
        client.hang_up()

    def _wait(self, client: "Client") -> bool:
        """Wait until a client has a place; False where it is to go."""
        while not client.placed.wait(max(self._room.grace, 0.2)):
            with self._changed:
                self._let_one_go()
        with self._changed:
            return client not in self._going

    def _mark(self, client: "Client", *, idle: bool) -> bool:
        with self._changed:
            if client in self._going:
                return False
            self._busy.pop(client, None)
            self._idle.pop(client, None)
            (self._idle if idle else self._busy)[client] = time.monotonic()
            self._let_one_go()
            return client not in self._going

    def _leave(self, client: "Client") -> None:
        with self._changed:
            for one in (self._waiting, self._idle, self._busy):
                one.pop(client, None)
            self._going.discard(client)
            self._give_places()
            self._let_one_go()
            self._changed.notify_all()


class Client:
    """One of them, until it leaves.

    Attributes:
        block: which addresses count as one with its own.
        hang_up: ends its connection.
        placed: whether it need not wait any longer.
    """

    def __init__(self, clients: Clients, addresses: str, hang_up: HangUp) -> None:
        self._clients, self.block, self.hang_up = clients, addresses, hang_up
        self.placed = threading.Event()

    def wait(self) -> bool:
        """Wait for a place; False where it is to go."""
        return self._clients._wait(self)

    def idle(self) -> bool:
        """Say that it wants nothing now; False where it is to go."""
        return self._clients._mark(self, idle=True)

    def busy(self) -> bool:
        """Say that it wants something; False where it was let go meanwhile."""
        return self._clients._mark(self, idle=False)

    def leave(self) -> None:
        """Say that it has gone."""
        self._clients._leave(self)


def block(address: str) -> str:
    """Return which addresses are one client's: in IPv6 it has as many as it likes, of one /64."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def _count(clients: Iterable[Client]) -> Counter[str]:
    return Counter(client.block for client in clients)
