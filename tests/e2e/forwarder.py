"""A TCP forwarder that counts what it passes on, and may be slow."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable


class Forwarder:
    """Forwards a port of its own to an address.

    Args:
        target: ``HOST:PORT``.
        rate: bytes a second towards the client, of each connection; None does not slow down.
    """

    def __init__(self, target: str, rate: int | None = None) -> None:
        host, _, port = target.partition(":")
        self._target, self._rate = (host, int(port)), rate
        self._lock = threading.Lock()
        self.received = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for pair in ((client, server, lambda _: None), (server, client, self._count)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()

    def _count(self, size: int) -> None:
        with self._lock:
            self.received += size
        if self._rate:
            time.sleep(size / self._rate)


def _pump(source: socket.socket, sink: socket.socket, count: Callable[[int], None]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            count(len(data))
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
