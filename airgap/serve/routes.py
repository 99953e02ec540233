"""Routes: from a request to its answer. Nothing here knows of connections.

Follows the OCI distribution specification 1.1, "Pull" and "Content Discovery".
"""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.serve import pages, ranges
from airgap.serve.answer import Answer, Part, Refusal, content_fields, json_answer
from airgap.serve.catalog import Catalog, Repository
from airgap.serve.head import Head
from airgap.serve.referrers import Referrers
from airgap.transfer.ports import Store

_NAME = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_ROUTES = (
    re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|referrers)/(?P<id>[^/]+)"),
    re.compile(r"/v2/(?P<name>.+)/(?P<kind>tags)/(?P<id>list)"),
    re.compile(r"/v2/(?P<name>.+)/(?P<kind>blobs)/uploads/(?P<id>[^/]*)"),
)
_ALLOWED = {"Allow": "GET, HEAD"}
_KNOWN = frozenset({"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class Routes:
    """Answers requests. Thread-safe.

    Args:
        catalog: which names there are.
        store: where the content is.
    """

    def __init__(self, catalog: Catalog, store: Store) -> None:
        self._catalog, self._store = catalog, store
        self._referrers = Referrers(store)
        self._kinds: Mapping[str, Callable[[Repository, str, Head], Answer]] = {
            "manifests": self._manifest,
            "blobs": self._blob,
            "referrers": self._attached,
        }

    def answer(self, head: Head) -> Answer:
        """Answer a request.

        Raises:
            Refusal: by an error of the specification.
            InputError: the content is damaged.
            ResourceError: the medium cannot be read.
        """
        _check_method(head)
        if head.path in ("/v2/", "/v2"):
            return json_answer({})
        if head.path == "/v2/_catalog":
            return pages.names(head.path, "repositories", self._catalog.names, head.query)
        name, kind, identifier = _route(head.path)
        repository = self._catalog.find(name)
        if repository is None:
            raise _unknown("NAME_UNKNOWN", "no such repository in the bundle")
        if kind == "tags":
            return pages.names(head.path, "tags", tuple(repository.tags), head.query, name=name)
        return self._kinds[kind](repository, identifier, head)

    def _manifest(self, repository: Repository, identifier: str, head: Head) -> Answer:
        if ":" in identifier:
            found = repository.manifests.get(_digest(identifier))
        else:
            found = repository.tags.get(identifier)
        if found is None:
            raise _unknown("MANIFEST_UNKNOWN", "no such manifest in the bundle")
        fields = content_fields(found.media_type, found.digest)
        return _known(head, found, fields) or Answer(
            HTTPStatus.OK, fields, self._store.manifest_bytes(found.digest)
        )

    def _blob(self, repository: Repository, identifier: str, head: Head) -> Answer:
        found = repository.blobs.get(_digest(identifier))
        if found is None:
            raise _unknown("BLOB_UNKNOWN", "no such blob in the bundle")
        fields = content_fields("application/octet-stream", found.digest)
        fields["Accept-Ranges"] = "bytes"
        if known := _known(head, found, fields):
            return known
        # RFC 9110 knows ranges for GET alone: HEAD tells what the whole would be.
        part = ranges.part(head.fields, found) if head.method == "GET" else None
        if part is None:
            return Answer(HTTPStatus.OK, fields, Part(found, 0, found.size))
        last = part.start + part.length - 1
        fields["Content-Range"] = f"bytes {part.start}-{last}/{found.size}"
        return Answer(HTTPStatus.PARTIAL_CONTENT, fields, part)

    def _attached(self, repository: Repository, identifier: str, head: Head) -> Answer:
        found = self._referrers.of(repository, _digest(identifier))
        return pages.referrers(head.path, found, head.query)


def _check_method(head: Head) -> None:
    """Refuse what writes, and what is followed by a body, which nobody will read.

    Raises:
        Refusal: with an end to the connection where a body follows.
    """
    close = head.length != 0
    if head.method in _KNOWN:
        message = "this registry is read-only"
        status = HTTPStatus.METHOD_NOT_ALLOWED
        raise Refusal(status, "UNSUPPORTED", message, _ALLOWED, close=close)
    if head.method not in ("GET", "HEAD"):
        message = "no such method"
        raise Refusal(HTTPStatus.NOT_IMPLEMENTED, "UNSUPPORTED", message, _ALLOWED, close=True)
    if close:
        message = f"a {head.method} has no body"
        raise Refusal(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", message, close=True)


def _route(path: str) -> tuple[str, str, str]:
    """Return name, kind and identifier of what a path names."""
    match = next((found for route in _ROUTES if (found := route.fullmatch(path))), None)
    if match is None:
        raise _unknown("UNSUPPORTED", "no such page")
    if not _NAME.fullmatch(match["name"]):
        raise _unknown("NAME_INVALID", "no name of a repository")
    if match.re is _ROUTES[2]:
        raise _unknown("BLOB_UPLOAD_UNKNOWN", "this registry is read-only")
    return match["name"], match["kind"], match["id"]


def _known(head: Head, found: Descriptor, fields: Mapping[str, str]) -> Answer | None:
    """Return the answer to a client that has the content already, None to any other."""
    ranges.check(head.fields, found.digest)
    if not ranges.is_known(head.fields, found.digest):
        return None
    return Answer(HTTPStatus.NOT_MODIFIED, fields)


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except InputError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", "not a digest") from error


def _unknown(code: str, message: str) -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, code, message)
