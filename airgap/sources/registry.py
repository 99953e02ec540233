"""pull: images from registries, as a Source.

Follows the pull part of the OCI distribution specification 1.1. A broken blob is taken up where
it broke with a Range request; a registry that ignores the range is read from the start, and what
was there already is skipped.
"""

import functools
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from airgap.errors import InputError, NetworkError
from airgap.oci.descriptor import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.manifest import MAX_MANIFEST, describe
from airgap.oci.reference import DEFAULT_HOST, Reference
from airgap.progress import Progress, Silent
from airgap.registry.client import Client, Endpoint
from airgap.registry.credentials import Credentials
from airgap.registry.errors import RegistryError
from airgap.registry.options import Options
from airgap.transfer.ports import Sink

_BUFFER = 1 << 18
_HUB = "registry-1.docker.io"
_ACCEPT = ", ".join(MANIFEST_TYPES + INDEX_TYPES)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-[0-9]+/(?:[0-9]+|\*)")
_RATE_LIMIT = re.compile(r"([0-9]{1,9})(?:;w=([0-9]{1,9}))?")
_SLOW_SECONDS, _SLOW_BYTES = 60.0, 60 << 10
"""A connection that brings less than this in that time is given up and made anew."""


class RegistrySource:
    """Images from any registry; implements Source. A context manager that closes connections.

    Args:
        options: how to talk to registries.
        progress: is told of retries and warnings.
    """

    def __init__(self, options: Options, progress: Progress | None = None) -> None:
        self._options, self._progress = options, progress or Silent()
        self._credentials = Credentials(options.docker_config)
        self._clients: dict[str, Client] = {}
        self._lock = threading.Lock()
        self._buffers = threading.local()

    def __enter__(self) -> "RegistrySource":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()

    def stop(self) -> None:
        """End what other threads do here; see `airgap.oci.ports.Source.stop`."""
        with self._lock:
            clients = list(self._clients.values())
        for client in clients:
            client.stop()

    def resolve(self, reference: Reference) -> tuple[Descriptor, bytes]:
        """Look a reference up; see `airgap.oci.ports.Source.resolve`."""
        identifier = str(reference.digest) if reference.digest else reference.tag
        body, said = self._get(reference, identifier)
        what = reference.familiar
        if reference.digest:
            _prove(body, reference.digest, what)
        found = describe(body, said, what)
        if reference.digest:
            found = Descriptor(found.media_type, reference.digest, found.size)
        return found, body

    def manifest(self, reference: Reference, descriptor: Descriptor) -> bytes:
        """Return a manifest by digest; see `airgap.oci.ports.Source.manifest`."""
        body, said = self._get(reference, str(descriptor.digest))
        what = reference.familiar
        _prove(body, descriptor.digest, what)
        if len(body) != descriptor.size:
            raise InputError(f"{what}: {descriptor.digest} has {len(body)} bytes, not as described")
        if said in MANIFEST_TYPES + INDEX_TYPES and said != descriptor.media_type:
            raise InputError(
                f"{what}: {descriptor.digest} is {said} to the registry and"
                f" {descriptor.media_type} to the index"
            )
        return body

    def has_blob(self, reference: Reference, blob: Descriptor) -> bool:
        """Tell whether a blob is in the reference's repository."""
        client, repository = self._client(reference)
        path = f"/v2/{repository}/blobs/{blob.digest}"
        scope = f"repository:{repository}:pull"
        with client.request("HEAD", path, scope=scope, expect=(200, 404)) as response:
            return response.status_code == 200

    def fetch(self, reference: Reference, blob: Descriptor, sink: Sink, offset: int = 0) -> None:
        """Hand a blob's bytes to ``sink``; see `airgap.oci.ports.Source.fetch`."""
        client, repository = self._client(reference)
        transfer = _Transfer(client, repository, blob, reference.familiar, sink, offset)
        if blob.size == offset:
            return
        with client.gate.pass_through():
            transfer.run(self._buffer())

    def remaining_pulls(self, reference: Reference) -> tuple[int, int] | None:
        """Ask for the pulls that are left: their number and the window in seconds.

        None where the registry does not say. A HEAD request does not count as a pull.
        """
        client, repository = self._client(reference)
        path = f"/v2/{repository}/manifests/{reference.digest or reference.tag}"
        with (
            self._explained(reference, client),
            client.request(
                "HEAD", path, scope=f"repository:{repository}:pull", headers={"Accept": _ACCEPT}
            ) as response,
        ):
            match = _RATE_LIMIT.fullmatch(response.headers.get("ratelimit-remaining", ""))
            return (int(match[1]), int(match[2] or 0)) if match else None

    def _get(self, reference: Reference, identifier: str) -> tuple[bytes, str]:
        """Return a manifest's bytes, and the type that the registry says they have."""
        client, repository = self._client(reference)
        path = f"/v2/{repository}/manifests/{identifier}"
        scope = f"repository:{repository}:pull"
        headers = {"Accept": _ACCEPT}
        with self._explained(reference, client):
            attempt = 0
            while True:
                attempt += 1
                with client.request("GET", path, scope=scope, headers=headers) as response:
                    try:
                        body = client.read(
                            response, MAX_MANIFEST, f"{reference.familiar}: manifest"
                        )
                    except NetworkError as error:
                        broken = error
                    else:
                        if body and len(body) >= _announced(response):
                            return _checked(body, response, reference)
                        broken = NetworkError(f"{client.host}: the manifest was cut short")
                if attempt >= self._options.tries:
                    raise broken
                client.pause(broken, attempt)

    @contextmanager
    def _explained(self, reference: Reference, client: Client) -> Iterator[None]:
        try:
            yield
        except RegistryError as error:
            if error.refusal.status != 404 or error.refusal.party != "registry":
                raise error.about(reference.familiar) from error
            raise InputError(
                f"{reference.familiar} does not exist at {client.host}",
                hint="check the name and the tag; private repositories need docker login",
            ) from error

    def _client(self, reference: Reference) -> tuple[Client, str]:
        """Return the client for a reference's host, and the repository's name there."""
        with self._lock:
            client = self._clients.get(reference.host)
            if client is None:
                endpoint = endpoint_of(reference.host, self._options)
                look_up = functools.partial(self._credentials.of, endpoint.host)
                client = Client(endpoint, self._options, look_up, self._progress)
                self._clients[reference.host] = client
        return client, client.endpoint.repository(reference.path)

    def _buffer(self) -> memoryview:
        """Return this thread's own buffer."""
        if not hasattr(self._buffers, "view"):
            self._buffers.view = memoryview(bytearray(_BUFFER))
        view: memoryview = self._buffers.view
        return view


class _Transfer:
    """One blob on its way; goes on where it broke."""

    def __init__(
        self,
        client: Client,
        repository: str,
        blob: Descriptor,
        what: str,
        sink: Sink,
        offset: int,
    ) -> None:
        self._client, self._blob, self._what, self._sink = client, blob, what, sink
        self._path = f"/v2/{repository}/blobs/{blob.digest}"
        self._scope = f"repository:{repository}:pull"
        self._at = offset
        self._ranges = True

    def run(self, buffer: memoryview) -> None:
        attempt, size = 0, self._blob.size
        while self._at < size:
            begun = self._at
            try:
                self._attempt(buffer)
                broken = NetworkError(
                    f"{self._what}: {self._client.host} ended {self._blob.digest} after"
                    f" {self._at} of {size} bytes",
                    hint="run the same command again: it goes on where it stopped",
                )
            except httpx.HTTPError as error:
                broken = self._client.broken(error)
            if self._at < size:
                # A try that brought something was not in vain: only the others are counted.
                attempt = 1 if self._at - begun >= _SLOW_BYTES else attempt + 1
                if attempt >= self._client.options.tries:
                    raise broken
                self._client.pause(broken, attempt)

    def _attempt(self, buffer: memoryview) -> None:
        headers = {"Range": f"bytes={self._at}-"} if self._at and self._ranges else {}
        try:
            with self._client.request(
                "GET", self._path, scope=self._scope, headers=headers, expect=(200, 206, 416)
            ) as response:
                self._receive(response, buffer)
        except RegistryError as error:
            if error.refusal.status != 404 or error.refusal.party != "registry":
                raise error.about(self._what) from error
            raise InputError(
                f"{self._what}: {self._client.host} lacks the blob {self._blob.digest}",
                hint="push the image there again",
            ) from error

    def _receive(self, response: httpx.Response, buffer: memoryview) -> None:
        if response.status_code == 416:
            self._ranges = False  # some registries cannot give the last bytes alone
            return
        skip = self._at - _first_byte(response, self._at)
        window_began, window_bytes = time.monotonic(), 0
        for chunk in _chunks(response, buffer):
            fresh = chunk[skip:] if skip else chunk
            skip = max(0, skip - len(chunk))
            if self._at + len(fresh) > self._blob.size:
                raise InputError(
                    f"{self._what}: {self._client.host} sent more than the {self._blob.size} bytes"
                    f" of {self._blob.digest}",
                    hint="something on the way alters content: try without the proxy or mirror",
                )
            if fresh:
                self._sink(fresh)
                self._at += len(fresh)
            self._client.gate.moved(len(chunk))
            window_bytes += len(chunk)
            if time.monotonic() - window_began > _SLOW_SECONDS:
                if window_bytes < _SLOW_BYTES:
                    raise httpx.ReadTimeout("it became too slow")
                window_began, window_bytes = time.monotonic(), 0


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
            f"{mirror!r} is no address of a mirror", hint="write [http://]HOST[:PORT][/PREFIX]"
        )
    return Endpoint(address, f"{scheme}{':' if separator else ''}//{address}", prefix.strip("/"))


def _announced(response: httpx.Response) -> int:
    """Return the Content-Length, 0 where there is none that is a number."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _first_byte(response: httpx.Response, asked: int) -> int:
    """Return which byte of the blob a response begins with."""
    if response.status_code == 200:
        return 0
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    first = int(match[1]) if match else asked
    if first > asked:
        raise httpx.RemoteProtocolError("another range came than was asked for")
    return first


def _chunks(response: httpx.Response, buffer: memoryview) -> Iterator[memoryview]:
    """Yield a body, without a copy where the transport can."""
    body = response.extensions.get("body")
    if body is None:
        for piece in response.iter_raw():
            yield memoryview(piece)
        return
    while count := body.readinto(buffer):
        yield buffer[:count]


def _checked(body: bytes, response: httpx.Response, reference: Reference) -> tuple[bytes, str]:
    """Compare a manifest with the digest in its header: the body is what counts."""
    claimed = response.headers.get("Docker-Content-Digest")
    if claimed:
        _prove(body, Digest.parse(claimed), f"{reference.familiar}: the registry's own header")
    return body, response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _prove(body: bytes, digest: Digest, what: str) -> None:
    found = Digest.of(body, digest.algorithm)
    if found != digest:
        raise InputError(
            f"{what}: the manifest is {found}, not {digest}",
            hint="something on the way alters content: try without the proxy or mirror",
        )
