"""What the wire means for those who use it: no complaints, and errors of our own."""

import contextlib
import socket

import pytest

from airgap.errors import AirgapError
from airgap.oci.descriptor import OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.registry import RegistrySource
from airgap.targets.registry import RegistryTarget
from tests.support.peer import Peer, Talk, answer, peer


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def detail(self, message: str) -> None:
        self.said.append(message)

    warn = detail


def test_a_server_that_closes_what_rests_hears_no_complaint() -> None:
    def talk(server: Peer, sock: socket.socket, _number: int) -> None:
        server.head(sock)
        sock.sendall(answer(b"", "201 Created"))

    heard = Heard()
    descriptor = Descriptor(OCI_MANIFEST, Digest.of(b"{}"), 2)
    with peer(talk) as server:
        address = f"127.0.0.1:{server.port}"
        with RegistryTarget(address, Options(), heard, scheme="http") as target:
            limit = target._client.gate.limit
            for number in range(1, 5):
                target.put_manifest("x", "1", descriptor, b"{}")
                server.wait_closed(number)
            assert target._client.gate.limit == limit
        assert (server.connections, len(server.heads), heard.said) == (4, 4, [])


@pytest.mark.parametrize(
    ("status", "header"),
    [
        ("200 OK", "Content-Type: application/json\xff"),
        ("200 OK", "Docker-Content-Digest: sha256:\xff"),
        ("307 Elsewhere", "Location: /x\xff\xe9"),
        ("307 Elsewhere", "Location: http://a.invalid\xff/"),
        ("401 Who", 'WWW-Authenticate: Bearer realm="https://x\xff/token",service="\xe9"'),
        ("429 Later", "Retry-After: \xff"),
        ("200 \xff\xfe", "X: y"),
    ],
)
def test_any_byte_in_a_head_is_the_failure_of_one_image(status: str, header: str) -> None:
    def talk(server: Peer, sock: socket.socket, _number: int) -> None:
        while server.head(sock):
            sock.sendall(answer(b"{}", status, header))

    check_fails(talk)


def test_a_head_of_too_many_lines_is_too() -> None:
    def talk(server: Peer, sock: socket.socket, _number: int) -> None:
        server.head(sock)
        sock.sendall(answer(b"{}", "200 OK", *(f"X-{n}: y" for n in range(200))))

    check_fails(talk)


def check_fails(talk: Talk) -> None:
    with peer(talk) as server, contextlib.ExitStack() as stack:
        mirror = f"http://127.0.0.1:{server.port}"
        options = Options(mirrors={"docker.io": mirror}, tries=1)
        source = stack.enter_context(RegistrySource(options))
        with pytest.raises(AirgapError):
            source.resolve(Reference.parse("nginx:1.27"))
