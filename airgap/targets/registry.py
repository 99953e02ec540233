"""push: images into a registry, as a Target.

Follows the push part of the OCI distribution specification 1.1: one POST and one PUT for a blob,
a POST alone where it can be mounted. A POST that mounts a blob from its own repository answers at
once whether it is there, so nobody has to ask with a HEAD first; that also tells what became of
an upload that broke. Registries forget a session whose chunk broke, so it begins anew.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from airgap.errors import InputError, NetworkError, ResourceError, TrustError
from airgap.oci.descriptor import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from airgap.oci.digest import Digest
from airgap.progress import Progress, Silent
from airgap.registry.client import Client, Endpoint, parsed
from airgap.registry.credentials import Credentials
from airgap.registry.errors import FullError, RefusedError
from airgap.registry.options import Options
from airgap.transfer.ports import Chunks

_ACCEPT = ", ".join(MANIFEST_TYPES + INDEX_TYPES)
_REQUEST_BYTES = 64 << 10
"""What a request counts for where the gate measures, so that it sees small ones too."""
_SLOW_STORAGE = 4e6
"""Bytes a second: a registry copies a blob into its storage before it answers."""
_INCOMPLETE = ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN")
_NO_MOUNT = frozenset({400, 404, 422})
"""How registries that cannot mount, or not from there, refuse what they should answer with 202."""


class RegistryTarget:
    """One registry that takes images; implements Target. A context manager.

    Args:
        address: ``HOST[:PORT]``.
        options: how to talk to it.
        progress: is told of retries and warnings.
        prefix: put before every repository.
        scheme: ``http`` or ``https``; found out where it is open.
    """

    def __init__(
        self,
        address: str,
        options: Options,
        progress: Progress | None = None,
        prefix: str = "",
        scheme: str = "",
    ) -> None:
        base = f"{scheme}://{address}" if scheme else f"//{address}"
        endpoint = Endpoint(address, base, prefix.strip("/"))
        look_up = functools.partial(Credentials(options.docker_config).of, address)
        self._options = options
        self._client = Client(endpoint, options, look_up, progress or Silent())

    def __enter__(self) -> "RegistryTarget":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def stop(self) -> None:
        """End what other threads do here; see `airgap.oci.ports.Target.stop`."""
        self._client.stop()

    def head_manifest(self, repository: str, tag_or_digest: str) -> Digest | None:
        """Return the digest of what is there; see `airgap.oci.ports.Target.head_manifest`."""
        path = f"{self._base(repository)}/manifests/{tag_or_digest}"
        with self._turn(), self._client.request(
            "HEAD", path, scope=self._scope(repository), headers={"Accept": _ACCEPT},
            expect=(200, 404),
        ) as response:  # fmt: skip
            if response.status_code == 404:
                return None
            said = response.headers.get("Docker-Content-Digest")
        if said:
            return Digest.parse(said)
        with self._client.request(
            "GET", path, scope=self._scope(repository), headers={"Accept": _ACCEPT}
        ) as response:
            return Digest.of(self._client.read(response, 4 << 20, f"{repository}: manifest"))

    def put_blob(
        self, repository: str, blob: Descriptor, chunks: Chunks, mount_from: str = ""
    ) -> bool:
        """Make a blob be in a repository; see `airgap.oci.ports.Target.put_blob`."""
        attempt = 0
        while True:
            attempt += 1
            try:
                with self._turn():
                    location = self._begin(repository, blob, mount_from or repository)
                    if location is None:
                        return attempt > 1  # an earlier try got through, its answer was lost
                    self._upload(repository, blob, chunks, location)
            except (NetworkError, _SessionLost) as error:
                if attempt >= self._options.tries:
                    raise NetworkError(
                        f"{repository}: {blob.digest} could not be uploaded: {error}",
                        hint="run the same command again: what is there is not sent again",
                    ) from error
                self._client.pause(NetworkError(str(error)), attempt)
                mount_from = ""
            else:
                return True

    def put_manifest(
        self, repository: str, tag_or_digest: str, descriptor: Descriptor, body: bytes
    ) -> None:
        """Store a manifest; see `airgap.oci.ports.Target.put_manifest`."""
        path = f"{self._base(repository)}/manifests/{tag_or_digest}"
        headers = {"Content-Type": descriptor.media_type, "Content-Length": str(len(body))}
        try:
            with self._turn(), self._client.request(
                "PUT", path, scope=self._scope(repository), headers=headers,
                content=lambda: iter([body]), expect=(201, 200, 202),
            ):  # fmt: skip
                return
        except RefusedError as error:
            if descriptor.media_type in INDEX_TYPES and error.refusal.code in _INCOMPLETE:
                raise InputError(
                    f"{repository}: {self._client.host} takes no index without all its platforms",
                    hint="push with --flatten, pack with --platform all, or let the registry accept"
                    " it (registry:3, validation.manifests.indexes.platforms: none)",
                ) from error
            raise self._explained(error, repository) from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until there is room for another request at a time."""
        with self._client.gate.pass_through():
            yield
            self._client.gate.moved(_REQUEST_BYTES)

    def _begin(self, repository: str, blob: Descriptor, mount_from: str) -> httpx.URL | None:
        """Open an upload and return where it goes, or None where the blob is there or mounted."""
        scope, origin = self._scope(repository), self._client.endpoint.repository(mount_from)
        if mount_from != repository:
            scope += f" repository:{origin}:pull"
        try:
            answer = self._open(repository, f"?mount={blob.digest}&from={origin}", scope)
        except RefusedError as error:
            if error.refusal.status not in _NO_MOUNT:
                raise self._explained(error, repository) from error
            answer = self._open(repository, "", self._scope(repository))
        return None if answer is None else self._session(answer, blob.digest)

    def _open(self, repository: str, mount: str, scope: str) -> str | None:
        """Ask for an upload; None where there is no need for it."""
        path = f"{self._base(repository)}/blobs/uploads/{mount}"
        with self._client.request(
            "POST", path, scope=scope, headers={"Content-Length": "0"}, expect=(201, 202)
        ) as response:
            return None if response.status_code == 201 else response.headers.get("Location", "")

    def _session(self, location: str, digest: Digest) -> httpx.URL:
        """Return where the registry wants the upload: it must not lead credentials away."""
        base = parsed(self._client.base())
        separator = "&" if "?" in location else "?"
        text = f"{location}{separator}digest={str(digest).replace(':', '%3A')}"
        try:
            url = httpx.URL(text) if "://" in location.partition("?")[0] else base.join(text)
        except httpx.InvalidURL:
            url = httpx.URL("")
        same = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
        if not location or not url.host:
            raise NetworkError(f"{self._client.host} opened an upload without saying where")
        if not same and not self._options.cross_origin_upload:
            raise TrustError(
                f"{self._client.host} wants the upload at {url.scheme}://{url.netloc.decode()}",
                hint="correct the registry's own address (http.host, or its proxy's headers)",
            )
        return url

    def _upload(self, repository: str, blob: Descriptor, chunks: Chunks, url: httpx.URL) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}

        def content() -> Iterator[memoryview]:
            for chunk in chunks():
                yield chunk
                self._client.gate.moved(len(chunk))

        try:
            with self._client.request(
                "PUT", url, scope=self._scope(repository), headers=headers,
                content=content, expect=(201, 204), tries=1,
                patience=blob.size / _SLOW_STORAGE,
            ):  # fmt: skip
                return
        except RefusedError as error:
            if error.refusal.status in (404, 416):
                raise _SessionLost(f"{self._client.host} lost the upload") from error
            raise self._explained(error, repository) from error
        except FullError as error:
            what = f"{blob.digest} ({blob.size} bytes)"
            raise ResourceError(f"{error.message} for {what}", hint=error.hint) from error

    def _explained(self, error: RefusedError, repository: str) -> InputError:
        """Say what a registry means by refusing."""
        if error.refusal.status == 405:
            return InputError(
                f"{self._client.host} is read-only: it takes no uploads",
                hint="switch its maintenance.readonly off, or push to another registry",
            )
        return error.about(repository)

    def _base(self, repository: str) -> str:
        return f"/v2/{self._client.endpoint.repository(repository)}"

    def _scope(self, repository: str) -> str:
        return f"repository:{self._client.endpoint.repository(repository)}:pull,push"


class _SessionLost(Exception):  # noqa: N818  (it is begun anew)
    """The registry no longer knows an upload."""
