"""clients: one for each registry that images are pulled from, at its own address or a mirror's."""

import functools
import threading
from urllib.parse import urlsplit

from airgap.errors import InputError
from airgap.oci.reference import DEFAULT_HOST, Reference
from airgap.progress import Progress
from airgap.registry.client import Client
from airgap.registry.credentials import Credentials
from airgap.registry.endpoint import Endpoint
from airgap.registry.options import Options
from airgap.transfer.stop import Stop

_HUB = "registry-1.docker.io"


class Clients:
    """Clients by host, made when they are first needed. Thread-safe.

    Args:
        options: how to talk to registries.
        progress: is told of retries and warnings.
        stop: ends what all of them do.
    """

    def __init__(self, options: Options, progress: Progress, stop: Stop) -> None:
        self._options, self._progress, self._stop = options, progress, stop
        self._credentials = Credentials(options.docker_config, options.auth_file)
        self._clients: dict[str, Client] = {}
        self._lock = threading.Lock()

    def of(self, reference: Reference) -> tuple[Client, str]:
        """Return the client for a reference's host, and the repository's name there.

        Raises:
            InputError: the mirror for the host is no valid address.
        """
        with self._lock:
            client = self._clients.get(reference.host)
            if client is None:
                endpoint = endpoint_of(reference.host, self._options)
                look_up = functools.partial(self._credentials.of, endpoint.host)
                client = Client(endpoint, self._options, look_up, self._progress)
                self._clients[reference.host] = client
                self._stop.then(client.stop)
        return client, client.endpoint.repository(reference.path)

    def at(self, url: str) -> Client:
        """Return the client for the web server of a URL.

        Raises:
            InputError: it is plain http, and not said to be allowed.
        """
        parts = urlsplit(url)
        host, key = parts.netloc.lower(), f"{parts.scheme}://{parts.netloc.lower()}"
        plain = parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1")
        if plain and host not in self._options.insecure:
            raise InputError(
                f"{url}: plain http tells nothing of who answers",
                hint=f"use https, or allow it: --insecure-registry {host}",
            )
        with self._lock:
            if key not in self._clients:
                look_up = functools.partial(self._credentials.of, host)
                client = Client(Endpoint(host, key), self._options, look_up, self._progress)
                self._clients[key] = client
                self._stop.then(client.stop)
            return self._clients[key]

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()


def endpoint_of(host: str, options: Options) -> Endpoint:
    """Return where the images of ``host`` are fetched from.

    Raises:
        InputError: the mirror for it is no valid address.
    """
    mirror = options.mirrors.get(host)
    if mirror is None:
        address = _HUB if host == DEFAULT_HOST else host
        return Endpoint(address, f"//{address}")
    scheme, separator, rest = mirror.rpartition("://")
    address, _, prefix = rest.partition("/")
    if not address or scheme not in ("", "http", "https"):
        raise InputError(
            f"{mirror!r} is not the address of a mirror", hint="write [http://]HOST[:PORT][/PREFIX]"
        )
    return Endpoint(address, f"{scheme}{':' if separator else ''}//{address}", prefix.strip("/"))
