"""pull: images from registries, as a Source.

Follows the pull part of the OCI distribution specification 1.1.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx

from airgap.errors import InputError, NetworkError, TrustError
from airgap.oci.descriptor import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.manifest import MAX_MANIFEST, describe
from airgap.oci.reference import Reference
from airgap.progress import Progress, Silent
from airgap.registry.blob import Download, Whole
from airgap.registry.client import Client
from airgap.registry.errors import RefusedError, RegistryError, is_page
from airgap.registry.listing.presence import UNTOLD, is_there
from airgap.registry.listing.referrers import Referrers
from airgap.registry.message import is_encoded, length
from airgap.registry.options import Options
from airgap.sources.clients import Clients
from airgap.transfer.ports import Part, Sink
from airgap.transfer.stop import Stop

_BUFFER = 1 << 18
_ACCEPT = ", ".join(MANIFEST_TYPES + INDEX_TYPES)
_RATE_LIMIT = re.compile(r"([0-9]{1,9})(?:;w=([0-9]{1,9}))?")


class RegistrySource:
    """Images from any registry; implements Source. A context manager that closes connections.

    Args:
        options: how to talk to registries.
        progress: is told of retries and warnings.
        stop: ends all waits and transfers.
    """

    def __init__(
        self, options: Options, progress: Progress | None = None, stop: Stop | None = None
    ) -> None:
        self._clients = Clients(options, progress or Silent(), stop or Stop())
        self._tags: dict[tuple[str, Digest], str] = {}
        self._buffers = threading.local()
        self._referrers = Referrers()

    def __enter__(self) -> "RegistrySource":
        return self

    def __exit__(self, *_: object) -> None:
        self._clients.close()

    def resolve(self, reference: Reference) -> tuple[Descriptor, bytes]:
        """Look a reference up; see `airgap.transfer.ports.Source.resolve`."""
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
        """Return a manifest by digest; see `airgap.transfer.ports.Source.manifest`."""
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

    def find(self, reference: Reference, identifier: str) -> tuple[Descriptor, bytes] | None:
        """Look for a manifest; see `airgap.transfer.ports.Attaching.find`.

        A tag is asked for by HEAD first, which is no pull; mostly it is not there.
        """
        is_digest = ":" in identifier
        if not is_digest and not self._may_have(reference, identifier):
            return None
        name = (
            replace(reference, digest=Digest.parse(identifier))
            if is_digest
            else replace(reference, tag=identifier, digest=None)
        )
        try:
            return self.resolve(name)
        except InputError as error:
            cause = error.__cause__
            refusal = cause.refusal if isinstance(cause, RegistryError) else None
            if refusal and (refusal.status, refusal.party) == (404, "registry"):
                return None
            raise

    def referrers(self, reference: Reference, subject: Digest) -> list[dict[str, Any]] | None:
        """List what is attached; see `airgap.transfer.ports.Attaching.referrers`."""
        client, repository = self._clients.of(reference)
        return self._referrers.of(client, repository, subject)

    def page(self, url: str, limit: int, led_by: str = "") -> bytes | None:
        """Read what a web server has; see `airgap.sources.chart.repository.Pages`."""
        client = self._clients.at(url)
        if led_by and not client.may_lead(led_by, url):
            raise TrustError(
                f"{led_by} names {url}, which is further inside of this network",
                hint="ask who runs that repository, or get the chart and name its .tgz",
            )
        try:
            with client.request("GET", httpx.URL(url), scope="", expect=(200, 404, 410)) as answer:
                return client.read(answer, limit, url) if answer.status_code == 200 else None
        except RegistryError as error:
            raise error.about(url) from error

    def has(self, reference: Reference) -> bool:
        """Tell whether a registry has a manifest, by its digest; that is no pull.

        Raises:
            InputError: it does not tell.
            NetworkError: it failed.
        """
        client, repository = self._clients.of(reference)
        path = f"/v2/{repository}/manifests/{reference.digest}"
        scope = f"repository:{repository}:pull"
        with self._explained(reference, client):
            return is_there(client, path, scope=scope, headers={"Accept": _ACCEPT})

    def _may_have(self, reference: Reference, tag: str) -> bool:
        client, repository = self._clients.of(reference)
        path = f"/v2/{repository}/manifests/{tag}"
        scope = f"repository:{repository}:pull"
        try:
            with client.request(
                "HEAD", path, scope=scope, headers={"Accept": _ACCEPT}, expect=(200, 404, *UNTOLD)
            ) as response:
                return response.status_code != 404
        except RefusedError:
            return True  # some answer a GET alone

    def has_blob(self, reference: Reference, blob: Descriptor) -> bool:
        """Tell whether a blob is in the reference's repository."""
        client, repository = self._clients.of(reference)
        path = f"/v2/{repository}/blobs/{blob.digest}"
        scope = f"repository:{repository}:pull"
        with self._explained(reference, client):
            return is_there(client, path, scope=scope)

    def fetch(self, reference: Reference, blob: Descriptor, sink: Sink, offset: int = 0) -> None:
        """Hand a blob's bytes to ``sink``; see `airgap.transfer.ports.Source.fetch`."""
        self.fetch_part(reference, blob, Whole(sink, offset, blob.size))

    def connections(self, reference: Reference) -> int:
        """Tell how many help; see `airgap.transfer.ports.Parted.connections`."""
        return self._clients.of(reference)[0].gate.worth

    def fetch_part(self, reference: Reference, blob: Descriptor, part: Part) -> None:
        """Fetch a part of a blob; see `airgap.transfer.ports.Parted.fetch_part`."""
        if part.at >= part.end:
            return
        client, repository = self._clients.of(reference)
        download = Download(client, repository, blob, reference.familiar, part, self._tags)
        with client.gate.pass_through():
            download.run(self._buffer())

    def remaining_pulls(self, reference: Reference) -> tuple[int, int] | None:
        """Ask for the pulls that are left: their number and the window in seconds.

        None where the registry does not say. A HEAD request does not count as a pull.
        """
        client, repository = self._clients.of(reference)
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
        client, repository = self._clients.of(reference)
        path = f"/v2/{repository}/manifests/{identifier}"
        scope = f"repository:{repository}:pull"
        headers = {"Accept": _ACCEPT}
        attempts = client.attempts()
        with self._explained(reference, client):
            while True:
                with client.request(
                    "GET", path, scope=scope, headers=headers, attempts=attempts
                ) as response:
                    try:
                        body = client.read(
                            response, MAX_MANIFEST, f"{reference.familiar}: manifest"
                        )
                    except NetworkError as error:
                        broken = error
                    else:
                        if body and (is_encoded(response) or len(body) >= (length(response) or 0)):
                            return _checked(body, response, reference)
                        broken = NetworkError(f"{client.host}: the manifest was cut short")
                attempts.failed(broken)

    @contextmanager
    def _explained(self, reference: Reference, client: Client) -> Iterator[None]:
        try:
            yield
        except RegistryError as error:
            if error.refusal.status != 404 or error.refusal.party != "registry":
                raise error.about(reference.familiar) from error
            asked = error.refusal.reference
            if ":" in asked and asked != str(reference.digest):
                raise InputError(
                    f"{reference.familiar}: {client.host} lacks the manifest {asked}, which its"
                    " index names",
                    hint="push the image there again, or choose what is there with --platform",
                ) from error
            raise InputError(
                f"{reference.familiar} does not exist at {client.host}",
                hint="check the name and the tag; private repositories need docker login",
            ) from error

    def _buffer(self) -> memoryview:
        """Return this thread's own buffer."""
        if not hasattr(self._buffers, "view"):
            self._buffers.view = memoryview(bytearray(_BUFFER))
        view: memoryview = self._buffers.view
        return view


def _checked(body: bytes, response: httpx.Response, reference: Reference) -> tuple[bytes, str]:
    """Compare a manifest with the digest in its header: the body is what counts."""
    if is_page(body):
        raise InputError(
            f"{reference.familiar}: a page for browsers came instead of a manifest",
            hint="a login page or a filter stands in between: check the address and the proxy",
        )
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
