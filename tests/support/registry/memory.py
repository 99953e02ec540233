"""A registry in memory: real HTTP on loopback, to be bent by rules, doors and quirks.

Follows the OCI distribution specification 1.1 as distribution does: what a manifest names must be
there, a mount from elsewhere that is not there opens an upload.
"""

import re
import ssl
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from tests.support.faults import Request, error
from tests.support.registry import uploads
from tests.support.registry.content import Content, digest_of
from tests.support.serving import Answer, Server

_ROUTE = re.compile(
    r"/v2/(?P<name>[a-z0-9._/-]+?)/"
    r"(?P<kind>manifests|blobs|tags|referrers)/(?P<rest>uploads/.*|[^/]+)"
)
_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)

Door = Callable[[Request], Answer | None]
"""Looks at each request first: an answer is a refusal."""
Look = Callable[[Request, bytes], Answer | None]
"""Looks at each request, with its body, that the door let through."""


def refusal(status: int, code: str, message: str = "", **headers: str) -> Answer:
    found = error(status, code, message, **headers)
    return Answer(found.status, found.headers, found.body)


class MemoryRegistry(Server):
    """A registry; a context manager that closes it.

    Args:
        content: what it holds; shared with another server where that one's is given.
        host: ``127.0.0.1`` or ``localhost``.
        tls: the context that it speaks TLS with; see `tests.support.registry.tls`.

    Attributes:
        door: asks for a login or a token; everybody is let in where None.
        looks: what is asked about each request before it is answered; see
            `tests.support.registry.quirks`.
        pages: answers to other paths, by path without query.
        relative: uploads are told as a path instead of a whole URL.
        ca_pem: what a client trusts, where it speaks TLS; set by who knows.
        sparse: indexes are taken without all their children.
        referrers: whether it has the referrers API.
    """

    def __init__(
        self,
        content: Content | None = None,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.content = content or Content()
        self.door: Door | None = None
        self.looks: list[Look] = []
        self.pages: dict[str, Callable[[Request, bytes], Answer]] = {}
        self.relative = False
        self.ca_pem = b""
        self.sparse = False
        self.referrers = False
        super().__init__(self._asked, host, tls)

    def __enter__(self) -> "MemoryRegistry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _asked(self, request: Request, body: bytes) -> Answer:
        url = urlsplit(request.path)
        if url.path in self.pages:
            return self.pages[url.path](request, body)
        if self.door and (refused := self.door(request)):
            return refused
        for look in self.looks:
            if answer := look(request, body):
                return answer
        if url.path in ("/v2/", "/v2"):
            return Answer(200, {"Docker-Distribution-Api-Version": "registry/2.0"}, b"{}")
        match = _ROUTE.fullmatch(url.path)
        if not match:
            return refusal(404, "NAME_UNKNOWN", "no such page")
        name, kind, rest = match["name"], match["kind"], match["rest"]
        with self.content.lock:
            if rest.startswith("uploads/"):
                return uploads.answer(self, request, name, rest.removeprefix("uploads/"), body)
            return self._content(request, name, kind, rest, body)

    def _content(self, request: Request, name: str, kind: str, rest: str, body: bytes) -> Answer:
        if kind == "manifests" and request.method == "PUT":
            return self._put_manifest(request, name, rest, body)
        if request.method not in ("GET", "HEAD"):
            return refusal(405, "UNSUPPORTED", "the operation is unsupported")
        if name not in self.content.repositories:
            return refusal(404, "NAME_UNKNOWN", "repository name not known to registry")
        if kind == "manifests":
            return self._manifest(name, rest)
        if kind == "blobs":
            return self._blob(request, name, rest)
        return self._list(request, name, kind, rest)

    def _manifest(self, name: str, identifier: str) -> Answer:
        found = self.content.repository(name)
        digest = found.find(identifier)
        if digest is None:
            return refusal(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, body = found.manifests[digest]
        return Answer(200, {"Content-Type": media_type, "Docker-Content-Digest": digest}, body)

    def _put_manifest(self, request: Request, name: str, identifier: str, body: bytes) -> Answer:
        digest = digest_of(body)
        media_type = request.headers.get("Content-Type", "")
        if ":" in identifier and identifier != digest:
            return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        missing = self.content.missing(name, body)
        if missing and not (self.sparse and media_type in INDEXES):
            return refusal(400, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {missing[0]}")
        tag = "" if ":" in identifier else identifier
        self.content.add_manifest(name, body, media_type, tag)
        headers = {
            "Location": f"{self.url}/v2/{name}/manifests/{digest}",
            "Docker-Content-Digest": digest,
        }
        return Answer(201, headers)

    def _blob(self, request: Request, name: str, digest: str) -> Answer:
        if digest not in self.content.repository(name).blobs:
            return refusal(404, "BLOB_UNKNOWN", "blob unknown to registry")
        body = self.content.blobs[digest]
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
        asked = _RANGE.fullmatch(request.headers.get("Range", ""))
        if not asked:
            return Answer(200, {**headers, "Accept-Ranges": "bytes"}, body)
        first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
        if first > last:
            return Answer(416, {"Content-Range": f"bytes */{len(body)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        return Answer(206, headers, memoryview(body)[first : last + 1])

    def _list(self, request: Request, name: str, kind: str, rest: str) -> Answer:
        import json

        found = self.content.repository(name)
        if kind == "tags":
            tags = sorted(found.tags)
            query = parse_qs(urlsplit(request.path).query)
            tags = [tag for tag in tags if tag > query.get("last", [""])[0]]
            tags = tags[: int(query.get("n", ["1000"])[0])]
            return Answer(200, {}, json.dumps({"name": name, "tags": tags}).encode())
        if not self.referrers:
            return refusal(404, "NAME_UNKNOWN", "no such page")
        index = {"schemaVersion": 2, "mediaType": INDEXES[0], "manifests": found.referrers(rest)}
        return Answer(200, {"Content-Type": INDEXES[0]}, json.dumps(index).encode())
