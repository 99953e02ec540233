import socket
import time

import pytest

from airgap.registry.wire.connect import Address, Connector
from airgap.registry.wire.line import Breaker
from tests.support.peer import keep_answering, peer
from tests.unit.registry.wire.test_transport import full_listener


def local(port: int) -> Address:
    return socket.AF_INET, ("127.0.0.1", port)


def test_an_address_that_leads_nowhere_is_passed_and_remembered() -> None:
    asked: list[str] = []
    with full_listener() as dead, peer(keep_answering()) as server:

        def resolve(host: str, _port: int) -> list[Address]:
            asked.append(host)
            return [local(dead), local(server.port)]

        connector = Connector(Breaker(), 20, resolve)
        for _ in range(3):
            line = connector.connect("example.test", 443, time.monotonic() + 15)
            assert line.sock.getpeername()[1] == server.port
            line.close()
    assert asked == ["example.test"], "looked up once; later ones go where it was reached"


def test_an_address_that_no_longer_answers_is_looked_up_again() -> None:
    with peer(keep_answering()) as first, peer(keep_answering()) as second:
        addresses = [local(first.port)]
        connector = Connector(Breaker(), 20, lambda *_: addresses)
        connector.connect("example.test", 443, time.monotonic() + 15).close()
        first.close()
        addresses[:] = [local(second.port)]
        line = connector.connect("example.test", 443, time.monotonic() + 15)
        assert line.sock.getpeername()[1] == second.port
        line.close()


def test_refused_by_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    connector = Connector(Breaker(), 20, lambda *_: [local(port), local(port)])
    with pytest.raises(ConnectionRefusedError):
        connector.connect("example.test", 443, time.monotonic() + 15)


def test_nobody_answers_in_time() -> None:
    with full_listener() as dead:
        connector = Connector(Breaker(), 20, lambda *_: [local(dead), local(dead)])
        with pytest.raises(TimeoutError):
            connector.connect("example.test", 443, time.monotonic() + 0.6)


def test_a_host_without_an_address() -> None:
    with pytest.raises(OSError, match="no address"):
        Connector(Breaker(), 20, lambda *_: []).connect("example.test", 443, time.monotonic() + 9)
