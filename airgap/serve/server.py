"""serve: a read-only registry straight out of a bundle, without unpacking it.

Follows the pull part and the content discovery part of the OCI distribution specification 1.1.
Nothing is written, so whatever is sent is refused with 405. A blob that is sent whole is hashed
meanwhile, and the last bytes of a wrong one are withheld: a client cannot complete it. A part of
a blob is sent as it lies in the file: the digest of the whole is the client's to check.
"""

import json
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from airgap.certificates.values import Tls
from airgap.errors import InputError, ResourceError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import DEFAULT_HOST, short_repositories
from airgap.progress import Progress
from airgap.transfer.ports import Store

_ROUTE = re.compile(
    r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<id>[^/]+)|/v2/(?P<tags>.+)/tags/list"
)
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")
_IDLE_SECONDS = 60
_MAX_PAGE = 1000
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Repository:
    """What is served under one name: manifests by tag and by digest, and blobs."""

    tags: Mapping[str, Descriptor]
    manifests: Mapping[Digest, Descriptor]
    blobs: Mapping[Digest, Descriptor]


class _Gathered(NamedTuple):
    tags: dict[str, Descriptor]
    manifests: dict[Digest, Descriptor]
    blobs: dict[Digest, Descriptor]


def repositories(images: Sequence[Image]) -> dict[str, Repository]:
    """Give every image its full repository, and its short one where no other claims it."""
    short = short_repositories(image.reference for image in images)
    found: dict[str, _Gathered] = {}
    for image in images:
        full = image.reference.repository
        gathered = found.get(full)
        if gathered is None:
            gathered = found[full] = _Gathered({}, {}, {})
            if image.reference.name in short:
                # Both names are of these images alone, so that they may share one repository.
                found[short[image.reference.name]] = gathered
        if image.reference.tag:
            gathered.tags[image.reference.tag] = image.root
        gathered.manifests.update((d.digest, d) for d in image.manifests)
        gathered.blobs.update((d.digest, d) for d in image.blobs)
    return {name: Repository(*found[name]) for name in sorted(found)}


def mirrored(images: Sequence[Image], served: Mapping[str, Repository]) -> dict[str, Repository]:
    """Give Docker Hub's images the names that a client of a mirror asks for.

    docker's ``registry-mirrors`` asks for ``library/nginx``, without the host. A path that an
    image of another host claims too is given to none.
    """
    taken = {i.reference.path for i in images if i.reference.host != DEFAULT_HOST} | {*served}
    return {
        image.reference.path: served[image.reference.repository]
        for image in images
        if image.reference.host == DEFAULT_HOST and image.reference.path not in taken
    }


class Content(Store, Protocol):
    """A store that knows which images it has: a bundle, a layout."""

    @property
    def images(self) -> Sequence[Image]:
        """The images."""


def server_context(tls: Tls) -> ssl.SSLContext:
    """Return the TLS settings of a server.

    OpenSSL reads certificate and key from files alone: they exist, private, for that moment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="airgap-") as folder:
        path = Path(folder) / "server.pem"
        path.touch(0o600)
        path.write_bytes(tls.cert_pem + tls.key_pem)
        context.load_cert_chain(path)
    return context


class Server:
    """The running registry; a context manager that serves from a thread of its own.

    Args:
        images: what to serve.
        store: where the content is.
        address: host and port to listen on; port 0 takes a free one.
        progress: is told each request with ``-v``.
        tls: the server's TLS context; None serves plain http.

    Raises:
        ResourceError: the address cannot be listened on.
    """

    def __init__(
        self,
        images: Sequence[Image],
        store: Store,
        address: tuple[str, int],
        progress: Progress,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        served = repositories(images)
        handler = type("Handler", (_Handler,), {
            "repositories": served, "aliases": mirrored(images, served),
            "store": store, "progress": progress,
        })  # fmt: skip
        server = _HTTPServer6 if ":" in address[0] else _HTTPServer
        try:
            self._server = server(address, handler)
        except OSError as error:
            raise ResourceError(
                f"cannot listen on {address[0]}:{address[1]}: {error.strerror}",
                hint="choose another address with --listen HOST:PORT",
            ) from error
        self._server.tls = tls
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self) -> None:
        """Serve until interrupted."""
        while self._thread.is_alive():
            self._thread.join(1)


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: object, client_address: object) -> None:
        """Shake hands in the connection's own thread, so that a slow one stops nobody else."""
        if not self.tls:
            super().finish_request(request, client_address)  # type: ignore[arg-type]
            return
        request.settimeout(_IDLE_SECONDS)  # type: ignore[attr-defined]
        with self.tls.wrap_socket(request, server_side=True) as secure:  # type: ignore[arg-type]
            super().finish_request(secure, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that breaks off is no error of ours."""


class _HTTPServer6(_HTTPServer):
    address_family = socket.AF_INET6


class _Refusal(Exception):  # noqa: N818  (an answer, not a fault)
    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "airgap"
    sys_version = ""
    timeout = _IDLE_SECONDS
    repositories: Mapping[str, Repository]
    aliases: Mapping[str, Repository]
    store: Store
    progress: Progress

    def do_GET(self) -> None:
        try:
            self._route()
        except _Refusal as refusal:
            self._refuse(refusal)

    do_HEAD = do_GET

    def _not_allowed(self) -> None:
        self.close_connection = True  # a body may follow that nobody reads
        self._refuse(
            _Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED", "this registry is read-only")
        )

    do_POST = do_PUT = do_PATCH = do_DELETE = _not_allowed

    def _route(self) -> None:
        url = urlsplit(self.path)
        if url.path in ("/v2/", "/v2"):
            self._send_json({})
        elif url.path == "/v2/_catalog":
            self._send_page("repositories", self.repositories, url.query, {})
        elif match := _ROUTE.fullmatch(url.path):
            self._send_content(match, url.query)
        else:
            raise _Refusal(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "no such page")

    def _send_content(self, match: re.Match[str], query: str) -> None:
        name = match["tags"] or match["name"]
        repository = self.repositories.get(name) or self.aliases.get(name)
        if repository is None:
            raise _Refusal(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", "no such repository in the bundle")
        if match["tags"]:
            self._send_page("tags", sorted(repository.tags), query, {"name": name})
        elif match["kind"] == "manifests":
            self._send_manifest(repository, match["id"])
        else:
            self._send_blob(repository, match["id"])

    def _send_manifest(self, repository: Repository, identifier: str) -> None:
        if ":" in identifier:
            found = repository.manifests.get(_digest(identifier))
        else:
            found = repository.tags.get(identifier)
        if found is None:
            raise _Refusal(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", "not in the bundle")
        try:
            body = self.store.manifest_bytes(found.digest)
        except (InputError, ResourceError) as error:
            self.progress.warn(error.message)
            raise _Refusal(
                HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", "the manifest is damaged"
            ) from error
        self._begin(HTTPStatus.OK, found.media_type, len(body), found.digest)
        self._write([memoryview(body)])

    def _send_blob(self, repository: Repository, identifier: str) -> None:
        found = repository.blobs.get(_digest(identifier))
        if found is None:
            raise _Refusal(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", "not in the bundle")
        first, last = self._range(found.size)
        status = HTTPStatus.OK
        extra = {"Accept-Ranges": "bytes"}
        if (first, last) != (0, found.size - 1):
            status = HTTPStatus.PARTIAL_CONTENT
            extra["Content-Range"] = f"bytes {first}-{last}/{found.size}"
        self._begin(status, "application/octet-stream", last + 1 - first, found.digest, extra)
        try:
            self._write(cut(self.store.chunks(found, first), last + 1 - first))
        except (InputError, ResourceError) as error:
            # The headers are out: breaking off is the only way left to say that it is wrong.
            self.progress.warn(error.message)
            self.close_connection = True

    def _range(self, size: int) -> tuple[int, int]:
        """Return the first and last byte asked for; a form that is not known means all."""
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        if not match:
            return 0, size - 1
        first, last = int(match[1]), int(match[2]) if match[2] else size - 1
        if first >= size or last < first:
            raise _Refusal(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "SIZE_INVALID", "outside the blob"
            )
        return first, min(last, size - 1)

    def _send_page(
        self, key: str, names: Iterable[str], query: str, rest: Mapping[str, str]
    ) -> None:
        """Send a list; ``n`` and ``last`` page through it, with a Link to the next page."""
        asked = parse_qs(query)
        last, limit = asked.get("last", [""])[0], asked.get("n", [str(_MAX_PAGE)])[0]
        count = min(int(limit), _MAX_PAGE) if _COUNT.fullmatch(limit) else _MAX_PAGE
        left = [name for name in names if name > last]
        headers = {}
        if len(left) > count > 0:
            path = urlsplit(self.path).path
            headers["Link"] = f'<{path}?n={count}&last={left[count - 1]}>; rel="next"'
        self._send_json({**rest, key: left[:count]}, extra=headers)

    def _send_json(
        self,
        value: object,
        status: HTTPStatus = HTTPStatus.OK,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        body = json.dumps(value).encode()
        self._begin(status, "application/json", len(body), None, extra)
        self._write([memoryview(body)])

    def _refuse(self, refusal: _Refusal) -> None:
        error = {"code": refusal.code, "message": refusal.message, "detail": None}
        self._send_json({"errors": [error]}, refusal.status)

    def _begin(
        self,
        status: HTTPStatus,
        media_type: str,
        length: int,
        digest: Digest | None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(length))
        if digest:
            self.send_header("Docker-Content-Digest", str(digest))
            self.send_header("ETag", f'"{digest}"')
        for key, text in (extra or {}).items():
            self.send_header(key, text)
        self.end_headers()

    def _write(self, chunks: Iterable[memoryview]) -> None:
        if self.command != "HEAD":
            for chunk in chunks:
                self.wfile.write(chunk)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
        self.progress.detail(f"{self.client_address[0]} {format % args}")


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except InputError as error:
        raise _Refusal(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", "not a digest") from error


def cut(chunks: Iterator[memoryview], length: int) -> Iterator[memoryview]:
    """Pass on the first ``length`` bytes of a stream, and read no further."""
    left = length
    for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return
