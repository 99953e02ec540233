"""Commands on a node: how long each may take."""

from typing import Any

import pytest

from airgap.cluster import store
from airgap.cluster.docker import node as room
from airgap.cluster.docker.node import Node
from airgap.cluster.ports import Clock, Patience


class Slow:
    """Stands for docker: each command takes so many seconds of a clock of its own."""

    def __init__(self, seconds: float) -> None:
        self.now, self.takes, self.given = 100.0, seconds, list[float]()

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.now)

    def run(self, command: list[str], *, seconds: float, **_: Any) -> bytes:
        self.given.append(round(seconds, 3))
        self.now += self.takes
        return b"x\nf 1 2 3\n" if "df " in command[-1] else b""


def node(patience: Patience) -> Node:
    return Node("n", seconds=patience.command, left=patience.left)


def test_commands_of_a_quick_look_share_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(2.5)
    monkeypatch.setattr(room, "run", slow.run)
    one = node(Patience.within(7, slow.clock))
    for _ in range(3):
        one.free_space()
    store.look(one)
    assert slow.given == [7, 4.5, 2, 0.1], "one alone may take all, and all together no more"


def test_other_commands_have_a_time_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(100)
    monkeypatch.setattr(room, "run", slow.run)
    one = node(Patience())
    one.free_space()
    one.free_space()
    one.import_image("x", [b""])
    assert slow.given == [60, 60, 3600, 60]
    late = node(Patience.within(7, slow.clock))
    late.import_image("x", [b""])
    assert slow.given[4] == 3600, "what says how long it takes is not cut short"
