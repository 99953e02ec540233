"""registry: a registry as a Target.

Follows the push part of the OCI distribution specification 1.1. A registry's time goes into
flushing what it is given, so blobs are uploaded in one request; in chunks where that is refused.
What is there already is found by asking to mount it from its own repository, which costs no
request of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from airgap.errors import InputError, NetworkError
from airgap.oci.attached import entries_in, tag_of
from airgap.oci.descriptor import INDEX_TYPES, MANIFEST_TYPES, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.manifest import MAX_MANIFEST, describe
from airgap.oci.reference import DEFAULT_HOST
from airgap.progress import Progress, Silent
from airgap.registry.attempts import Attempts
from airgap.registry.client import Client
from airgap.registry.credentials import Credential, Credentials
from airgap.registry.endpoint import Endpoint
from airgap.registry.errors import FailedError, RefusedError, RegistryError
from airgap.registry.listing.presence import UNTOLD, is_there
from airgap.registry.listing.referrers import Referrers
from airgap.registry.options import Options
from airgap.targets.upload import Refused, Session, SessionLost, Uploads, explained
from airgap.transfer.ports import Chunks
from airgap.transfer.stop import Stop

_ACCEPT = ", ".join(MANIFEST_TYPES + INDEX_TYPES)
_REQUEST_BYTES = 64 << 10
"""What a request counts for where the gate measures, so that it sees small ones too."""
_HUB = "registry-1.docker.io"
_OPENED = (201, 202)
_ANY = tuple(range(200, 600))
_GATEWAY = (408, 499, 502, 504)
"""What somebody on the way says who did not hear the registry's answer."""
_MOST_FORGOTTEN = 2
_MOUNT_TRIES = 2
_ONE_REGISTRY = (
    "where several instances answer at this address, give them one storage and one http.secret"
)


class RegistryTarget:
    """One registry that takes images; implements Target. A context manager.

    Args:
        address: ``HOST[:PORT]``; ``docker.io`` is Docker Hub.
        options: how to talk to it.
        progress: is told of retries and warnings.
        scheme: ``http`` or ``https``; found out where it is open.
        chunk_size: bytes of a request at the most; larger blobs go in several.
        stop: ends all waits and transfers.
        credential: what it gets where it asks; None for what docker's config.json knows.
    """

    def __init__(
        self,
        address: str,
        options: Options,
        progress: Progress | None = None,
        *,
        scheme: str = "",
        chunk_size: int = 0,
        stop: Stop | None = None,
        credential: Credential | None = None,
    ) -> None:
        self.address = address
        server = _HUB if address == DEFAULT_HOST else address
        endpoint = Endpoint(address, f"{scheme}://{server}" if scheme else f"//{server}")
        known = Credentials(options.docker_config, options.auth_file)

        def look_up(path: str) -> Credential | None:
            return credential or known.of(address, path)

        self._client = Client(endpoint, options, look_up, progress or Silent())
        self._uploads = Uploads(self._client, options, chunk_size)
        (stop or Stop()).then(self._client.stop)

    def __enter__(self) -> "RegistryTarget":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def find_manifest(
        self, repository: str, tag_or_digest: str, *, doubt: bool = False
    ) -> Digest | None:
        """Return the digest of what is there; see `airgap.transfer.ports.Target.find_manifest`.

        HEAD is quick; some registries refuse it where they answer a GET.
        """
        if not doubt:
            with suppress(InputError):
                return self._head(repository, tag_or_digest)
        return self._get(repository, tag_or_digest)

    def has_blob(self, repository: str, blob: Descriptor) -> bool:
        """Tell whether a blob is there; see `airgap.transfer.ports.Target.has_blob`."""
        path = f"/v2/{repository}/blobs/{blob.digest}"
        with self._turn():
            return is_there(self._client, path, scope=_scope(repository), size=blob.size)

    def put_blob(
        self, repository: str, blob: Descriptor, chunks: Chunks, mount_from: str = ""
    ) -> bool:
        """Make a blob be in a repository; see `airgap.transfer.ports.Target.put_blob`."""
        attempts, tried, forgotten = self._client.attempts(), False, 0
        while True:
            try:
                with self._turn():
                    session = self._begin(repository, blob, mount_from or repository, attempts)
                    if session is None:
                        return tried  # an earlier try got through, its answer was lost
                    self._uploads.send(repository, blob, chunks, session)
            except Refused:
                continue  # it is sent in smaller requests now
            except SessionLost as error:
                tried, mount_from = True, ""
                forgotten += error.forgotten
                if forgotten == _MOST_FORGOTTEN:
                    raise NetworkError(
                        f"{blob.digest} could not be uploaded: {error}", hint=_ONE_REGISTRY
                    ) from error
                try:
                    attempts.failed(error.error, error.seconds)
                except NetworkError as last:
                    raise NetworkError(
                        f"{blob.digest} could not be uploaded: {last.message}", hint=last.hint
                    ) from last
            else:
                return True

    def put_manifest(
        self, repository: str, tag_or_digest: str, descriptor: Descriptor, body: bytes
    ) -> None:
        """Store a manifest; see `airgap.transfer.ports.Target.put_manifest`."""
        headers = {"Content-Type": descriptor.media_type, "Content-Length": str(len(body))}
        try:
            with self._turn(), self._client.request(
                "PUT", f"/v2/{repository}/manifests/{tag_or_digest}", scope=_scope(repository),
                headers=headers, content=lambda: iter([body]), expect=(200, 201, 202, 204),
            ):  # fmt: skip
                return
        except RefusedError as error:
            raise explained(error) from error
        except NetworkError as error:
            lost = not isinstance(error, FailedError) or error.refusal.status in _GATEWAY
            if lost and self._is_there_after_all(repository, tag_or_digest, descriptor.digest):
                return
            raise NetworkError(
                f"the manifest {descriptor.digest} could not be stored: {error.message}",
                hint="look at the registry's log; what is there is not sent again",
            ) from error

    def referrers(self, repository: str, subject: Digest) -> tuple[list[dict[str, Any]], bool]:
        """List what is attached; see `airgap.transfer.ports.Target.referrers`.

        It is asked anew each time: a repository that is not there yet tells nothing of its host.
        """
        with self._turn():
            listed = Referrers().of(self._client, repository, subject, "pull,push")
        if listed is not None:
            return listed, True
        body = self._body(repository, tag_of(subject))
        if body is None or Digest.of(body) == subject:  # GitLab answers with the image itself
            return [], False
        what = f"{repository}: its list of referrers"
        is_index = describe(body, "", what).is_index
        return (entries_in(body, what) if is_index else []), False

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until there is room for another request at a time."""
        with self._client.gate.pass_through():
            yield
            self._client.gate.moved(_REQUEST_BYTES)

    def _head(self, repository: str, identifier: str) -> Digest | None:
        with self._asking("HEAD", repository, identifier, expect=(200, 404, *UNTOLD)) as response:
            if response.status_code == 404:
                return None
            told = response.status_code == 200
            said = response.headers.get("Docker-Content-Digest") if told else None
        return Digest.parse(said) if said else self._get(repository, identifier)

    def _is_there_after_all(self, repository: str, identifier: str, digest: Digest) -> bool:
        """Ask once whether a manifest got through though no answer did."""
        try:
            return self._get(repository, identifier, tries=1) == digest
        except (InputError, NetworkError):
            return False

    def _get(self, repository: str, identifier: str, tries: int | None = None) -> Digest | None:
        body = self._body(repository, identifier, tries)
        return None if body is None else Digest.of(body)

    def _body(self, repository: str, identifier: str, tries: int | None = None) -> bytes | None:
        with self._asking("GET", repository, identifier, tries) as response:
            if response.status_code == 404:
                return None
            return self._client.read(response, MAX_MANIFEST, f"{repository}: its manifest")

    @contextmanager
    def _asking(
        self,
        method: str,
        repository: str,
        identifier: str,
        tries: int | None = None,
        expect: tuple[int, ...] = (200, 404),
    ) -> Iterator[httpx.Response]:
        with self._turn(), self._client.request(
            method, f"/v2/{repository}/manifests/{identifier}", scope=_scope(repository),
            headers={"Accept": _ACCEPT}, expect=expect, tries=tries,
        ) as response:  # fmt: skip
            yield response

    def _begin(
        self, repository: str, blob: Descriptor, origin: str, attempts: Attempts
    ) -> Session | None:
        """Open an upload and return it, or None where the blob is there or mounted.

        Whatever a mount is refused with, a plain upload may be taken: what that is answered counts.
        """
        opened = self._mount(repository, blob, origin, attempts)
        if opened is None:
            try:
                opened = self._open(repository, "", _scope(repository), attempts, expect=_OPENED)
            except RefusedError as error:
                raise explained(error) from error
        status, session = opened
        return None if status == 201 else session

    def _mount(
        self, repository: str, blob: Descriptor, origin: str, attempts: Attempts
    ) -> tuple[int, Session] | None:
        """Ask to mount a blob; None where that is refused.

        No token for two repositories is a refusal, and so is a filter on the way that hangs up.
        """
        scope = _scope(repository)
        if origin != repository:
            scope += f" repository:{origin}:pull"
        for _ in range(_MOUNT_TRIES):
            once = self._client.attempts(1)
            query = f"?mount={blob.digest}&from={origin}"
            try:
                opened = self._open(repository, query, scope, once, expect=_ANY)
            except RegistryError:
                return None
            except NetworkError as error:
                attempts.failed(error, silent=True)
            else:
                return opened if opened[0] in _OPENED else None
        return None

    def _open(
        self,
        repository: str,
        mount: str,
        scope: str,
        attempts: Attempts,
        expect: tuple[int, ...],
    ) -> tuple[int, Session]:
        """Ask for an upload; returns the status, and what was opened."""
        with self._client.request(
            "POST", f"/v2/{repository}/blobs/uploads/{mount}", scope=scope,
            headers={"Content-Length": "0"}, expect=expect, attempts=attempts,
        ) as response:  # fmt: skip
            return response.status_code, Session.of(response)


def _scope(repository: str) -> str:
    return f"repository:{repository}:pull,push"
