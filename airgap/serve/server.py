"""serve: a read-only registry straight out of a bundle, without unpacking it.

A thread accepts, and each connection has one of its own: what reads a slow medium or writes to a
slow client holds nobody else up. `airgap.serve.routes` says what is answered.
"""

import errno
import resource
import select
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from airgap.errors import ResourceError
from airgap.oci.image import Image
from airgap.progress import Progress
from airgap.serve.catalog import Catalog
from airgap.serve.clients import Client, Clients, Room
from airgap.serve.connection import Connection
from airgap.serve.line import Line, Patience
from airgap.serve.routes import Routes
from airgap.serve.sending import Sender, Shelf
from airgap.serve.tls import hang_up, shake_hands
from airgap.serve.troubles import Troubles

_BACKLOG = 1024
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_OTHER_FILES = 64


class Content(Shelf, Protocol):
    """A store that knows which images it has: a bundle, a layout."""

    @property
    def images(self) -> Sequence[Image]:
        """The images."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may take.

    Attributes:
        room: how many may come; fewer where this process may not open as many files.
        patience: how long a client may take for anything.
    """

    room: Room = field(default_factory=Room)
    patience: Patience = field(default_factory=Patience)


class Server:
    """The running registry; a context manager that serves from threads of its own.

    Args:
        images: what to serve.
        store: where the content is.
        address: host and port to listen on; port 0 takes a free one.
        progress: is told each request with ``-v``.
        tls: the server's TLS context; None serves plain http.
        limits: what clients may take.

    Raises:
        ResourceError: the address cannot be listened on.
    """

    def __init__(
        self,
        images: Sequence[Image],
        store: Shelf,
        address: tuple[str, int],
        progress: Progress,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self._routes, self._sender = Routes(Catalog(images), store), Sender(store)
        self._progress, self._tls, self._patience = progress, tls, limits.patience
        self._troubles = Troubles(progress)
        self._clients = Clients(_affordable(limits.room), progress.warn)
        self._listener = _listen(address)
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="serve", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    @property
    def troubles(self) -> int:
        """How often something went wrong that was no client's fault."""
        return self._troubles.count

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._wake.close()
        self._clients.stop(5)
        self._thread.join()
        self._listener.close()
        self._woken.close()

    def wait(self) -> None:
        """Serve until interrupted."""
        while self._thread.is_alive():
            self._thread.join(1)

    def _accept(self) -> None:
        poll = select.poll()
        for waited in (self._listener, self._woken):
            poll.register(waited, select.POLLIN)
        while self._woken.fileno() not in dict(poll.poll()):
            try:
                sock, address = self._listener.accept()
                self._admit(sock, str(address[0]))
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._progress.detail(f"cannot take another client: {error.strerror}")
                    self._clients.relieve(1)

    def _admit(self, sock: socket.socket, address: str) -> None:
        """Give a connection a thread of its own, in which it waits for its place."""
        if self._tls:
            sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        client = self._clients.enter(address, lambda: hang_up(sock))
        if not client:
            sock.close()
            return
        worker = threading.Thread(target=self._serve, args=(sock, address, client), daemon=True)
        try:
            worker.start()
        except RuntimeError as error:
            self._troubles.tell(error)
            sock.close()
            client.leave()

    def _serve(self, sock: socket.socket, address: str, client: Client) -> None:
        try:
            with sock:
                if not client.wait():
                    return
                if isinstance(sock, ssl.SSLSocket):
                    shake_hands(sock, self._patience.head)
                line = Line(sock, self._patience)
                Connection(
                    line, address, self._routes.answer, self._sender, self._troubles, self._progress
                ).serve(client)
        except OSError as error:  # a client may leave at any time
            self._progress.detail(f"{address} left: {error}")
        except Exception as error:  # a fault of ours ends one connection, and is told
            self._troubles.tell(error)
        finally:
            client.leave()


def _affordable(room: Room) -> Room:
    """Return the room for which this process may open files: one for who waits, else two."""
    may_open, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if may_open < 0:
        return room
    most = max(4, (may_open - _OTHER_FILES) // 3)
    return replace(room, places=min(room.places, most), waiting=min(room.waiting, most))


def _listen(address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        both = address[0] == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(
            address, family=family, backlog=_BACKLOG, dualstack_ipv6=both
        )
    except OSError as error:
        cause = error.strerror or str(error)
        raise ResourceError(
            f"cannot listen on {address[0]}:{address[1]}: {cause}",
            hint="choose another address with --listen HOST:PORT",
        ) from error
    listener.setblocking(False)  # whoever was announced may have left before he is let in
    return listener
