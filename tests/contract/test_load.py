"""serve under load: 200 clients for a minute, and one address that takes all it can get."""

import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from airgap.oci.descriptor import Descriptor
from airgap.sources.layout import Layout
from tests.support.images import Maker
from tests.unit.serve.wire import Wire

AIRGAP = Path(sys.executable).with_name("airgap")
CLIENTS, SECONDS, MOST_MEMORY = 200, 60, 150 << 20
pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True, slots=True)
class Served:
    """A serve in a process of its own, and what it has.

    Attributes:
        blobs: what can be asked for, with its content.
        said: the file with what it says.
    """

    port: int
    pid: int
    layout: Layout
    blobs: list[tuple[Descriptor, bytes]]
    said: Path

    @property
    def memory(self) -> int:
        """The most bytes of memory that it ever had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) << 10


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    maker = Maker(tmp_path / "layout")
    maker.image(*(maker.bytes(n) for n in (0, 1, 70_000, 3 << 20)), name="docker.io/library/a:1")
    maker.image(maker.bytes(32 << 20), name="docker.io/library/b:1")
    layout = maker.layout()
    blobs = [(b, b"".join(map(bytes, layout.chunks(b)))) for b in layout.images[0].blobs]
    said = tmp_path / "said"
    command = [AIRGAP, "serve", maker.folder, "--plain-http", "--listen", "127.0.0.1:0", "--json"]
    with said.open("wb") as file:
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=file)
    try:
        assert process.stdout
        lines = iter(process.stdout.readline, b"}\n")
        url = json.loads(b"".join(lines) + b"}")["url"]
        yield Served(int(url.rpartition(":")[2]), process.pid, layout, blobs, said)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_200_clients_for_a_minute(served: Served) -> None:
    """No wrong byte, no refused connection, bounded memory; half come anew for each request."""
    together = threading.Barrier(CLIENTS)
    manifest = served.layout.manifest_bytes(served.layout.images[0].root.digest)

    def client(number: int) -> int:
        rng, right, end = random.Random(number), 0, time.monotonic() + SECONDS
        wire = Wire(served.port)
        with ExitStack() as stack:
            stack.enter_context(wire)
            together.wait(60)
            while time.monotonic() < end:
                ask(wire, rng)
                right += 1
                if number % 2:
                    stack.close()
                    wire = stack.enter_context(Wire(served.port))
        return right

    def ask(wire: Wire, rng: random.Random) -> None:
        if rng.random() < 0.3:
            assert wire.ask("/v2/a/manifests/1").body == manifest
            return
        blob, content = rng.choice(served.blobs)
        path = f"/v2/a/blobs/{blob.digest}"
        if rng.random() < 0.5 or not content:
            assert wire.ask(path).body == content
        else:
            first = rng.randrange(len(content))
            got = wire.ask(path, Range=f"bytes={first}-")
            assert (got.status, got.body) == (206, content[first:])

    with ThreadPoolExecutor(CLIENTS) as pool:
        counts = list(pool.map(client, range(CLIENTS)))
    assert all(counts)
    assert served.memory < MOST_MEMORY
    assert "warning" not in served.said.read_text()


def test_an_address_that_opens_all_connections_shuts_nobody_out(served: Served) -> None:
    """600 connections: silent, dripping, and some that ask for what they never read."""
    large = max(served.layout.images[1].blobs, key=lambda blob: blob.size)
    asking = f"GET /v2/b/blobs/{large.digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with ExitStack() as stack:
        for number in range(600):
            sock = socket.socket()
            stack.enter_context(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.bind(("127.0.0.2", 0))
            sock.connect(("127.0.0.1", served.port))
            # Who is shut out already hears so here.
            with suppress(OSError):
                sock.sendall((b"", b"GET /v2/", asking)[min(number % 4, 2)])
        for _ in range(20):
            with Wire(served.port) as wire:
                assert wire.ask("/v2/a/manifests/1").status == 200
    assert served.memory < MOST_MEMORY
    assert served.said.read_text().count("127.0.0.2 has so many connections") == 1
