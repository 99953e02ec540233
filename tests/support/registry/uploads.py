"""How a registry in memory takes blobs: whole, in chunks, or mounted from another repository."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.support.faults import Request
from tests.support.registry.content import digest_of
from tests.support.serving import Answer

if TYPE_CHECKING:
    from tests.support.registry.memory import MemoryRegistry


def answer(
    registry: "MemoryRegistry", request: Request, name: str, upload: str, body: bytes
) -> Answer:
    """Answer a request below ``/v2/NAME/blobs/uploads/``."""
    query = {key: values[0] for key, values in parse_qs(urlsplit(request.path).query).items()}
    if not upload:
        return _begin(registry, request, name, query, body)
    if upload not in registry.content.uploads:
        return _refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    if request.method == "PATCH":
        return _patch(registry, request, name, upload, body)
    if request.method == "PUT":
        return _finish(registry, name, upload, query.get("digest", ""), body)
    if request.method == "GET":
        return _session(registry, name, upload, 204)
    registry.content.uploads.pop(upload)
    return Answer(204)


def _begin(
    registry: "MemoryRegistry", request: Request, name: str, query: dict[str, str], body: bytes
) -> Answer:
    if request.method != "POST":
        return _refusal(405, "UNSUPPORTED", "the operation is unsupported")
    content = registry.content
    digest, origin = query.get("mount", ""), content.repositories.get(query.get("from", ""))
    if origin and digest in origin.blobs:
        content.repository(name).blobs.add(digest)
        return _stored(registry, name, digest)
    upload = content.begin_upload()
    if "digest" in query:
        return _finish(registry, name, upload, query["digest"], body)
    return _session(registry, name, upload, 202)


def _patch(
    registry: "MemoryRegistry", request: Request, name: str, upload: str, body: bytes
) -> Answer:
    held = registry.content.uploads[upload]
    begins = request.headers.get("Content-Range", "").partition("-")[0]
    if begins and int(begins) != len(held):
        return _session(registry, name, upload, 416)
    held += body
    return _session(registry, name, upload, 202)


def _finish(registry: "MemoryRegistry", name: str, upload: str, digest: str, body: bytes) -> Answer:
    held = registry.content.uploads.pop(upload) + body
    if digest_of(held) != digest:
        return _refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    registry.content.add_blob(name, bytes(held))
    return _stored(registry, name, digest)


def _session(registry: "MemoryRegistry", name: str, upload: str, status: int) -> Answer:
    base = "" if registry.relative else registry.url
    held = len(registry.content.uploads[upload])
    headers = {
        "Location": f"{base}/v2/{name}/blobs/uploads/{upload}?_state=s",
        "Docker-Upload-UUID": upload,
        "Range": f"0-{max(held - 1, 0)}",
    }
    return Answer(status, headers)


def _stored(registry: "MemoryRegistry", name: str, digest: str) -> Answer:
    base = "" if registry.relative else registry.url
    headers = {"Location": f"{base}/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Answer(201, headers)


def _refusal(status: int, code: str, message: str) -> Answer:
    from tests.support.registry.memory import refusal

    return refusal(status, code, message)
