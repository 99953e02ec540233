"""Habits of the registries that cannot be run here, as `MemoryRegistry.looks`.

Each function bends a registry towards one product, in what a client meets.
"""

import json
import re
from urllib.parse import urlsplit

from tests.support.faults import Request
from tests.support.registry.doors import Tokens
from tests.support.registry.memory import INDEXES, MemoryRegistry, refusal
from tests.support.serving import Answer

_FALLBACK = re.compile(r"sha256-([0-9a-f]{64})")


def _writes(request: Request) -> bool:
    return request.method in ("POST", "PUT", "PATCH")


def _tag(request: Request) -> str:
    return urlsplit(request.path).path.rpartition("/")[2] if "/manifests/" in request.path else ""


def harbor(registry: MemoryRegistry, *projects: str) -> set[str]:
    """Nothing is there, and nothing is taken, outside of a project; returns the projects."""
    there = set(projects)

    def look(request: Request, _: bytes) -> Answer | None:
        project = request.repository.partition("/")[0]
        if project and project not in there:
            return refusal(404, "NOT_FOUND", f"project {project} not found")
        return None

    def create(_: Request, body: bytes) -> Answer:
        name = json.loads(body)["project_name"]
        if name in there:
            return refusal(409, "CONFLICT", f"The project named {name} already exists")
        there.add(name)
        return Answer(201)

    registry.looks.append(look)
    registry.pages["/api/v2.0/projects"] = create
    return there


def ecr(registry: MemoryRegistry, *repositories: str, immutable: bool = False) -> set[str]:
    """A repository is made before it is used; manifests with a subject are not taken."""
    there = set(repositories)

    def look(request: Request, body: bytes) -> Answer | None:
        name = request.repository
        if name and name not in there:
            return refusal(404, "NAME_UNKNOWN", f"The repository with name '{name}' does not exist")
        if request.method != "PUT" or "/manifests/" not in request.path:
            return None
        if "subject" in json.loads(body):
            return refusal(405, "UNSUPPORTED", "Invalid parameter: subject")
        tag = _tag(request)
        if immutable and tag in registry.content.repository(name).tags:
            return refusal(400, "TAG_INVALID", f"The image tag '{tag}' already exists")
        return None

    registry.looks.append(look)
    return there


def gitlab(registry: MemoryRegistry) -> None:
    """``sha256-<hex>`` is read as that digest; a subject must be there; no referrers API."""
    registry.referrers = False

    def look(request: Request, body: bytes) -> Answer | None:
        found = registry.content.repositories.get(request.repository)
        match = _FALLBACK.fullmatch(_tag(request))
        if match and found and request.method in ("GET", "HEAD"):
            held = found.manifests.get(f"sha256:{match[1]}")
            if held and match[0] not in found.tags:
                return Answer(200, {"Content-Type": held[0]}, held[1])
        if request.method == "PUT" and "/manifests/" in request.path:
            subject = (json.loads(body).get("subject") or {}).get("digest")
            if subject and (not found or subject not in found.manifests):
                return refusal(400, "MANIFEST_INVALID", "subject does not exist")
        return None

    registry.looks.append(look)


def ghcr(registry: MemoryRegistry) -> None:
    """No referrers API: only the fallback tag."""
    registry.referrers = False


def nexus(registry: MemoryRegistry) -> None:
    """An index with an absent child is refused with 400 and a body of its own."""

    def look(request: Request, body: bytes) -> Answer | None:
        kind = request.headers.get("Content-Type")
        if request.method != "PUT" or kind not in INDEXES:
            return None
        if registry.content.missing(request.repository, body):
            return refusal(400, "MANIFEST_INVALID", "manifest references unknown manifest")
        return None

    registry.looks.append(look)


def artifactory(registry: MemoryRegistry, *keys: str) -> None:
    """The first part of a path is a repository key; errors have another shape."""

    def look(request: Request, _: bytes) -> Answer | None:
        key = request.repository.partition("/")[0]
        if key and key not in keys:
            found = {"errors": [{"status": 404, "message": f"Repository '{key}' not found"}]}
            return Answer(404, {"Content-Type": "application/json"}, json.dumps(found).encode())
        return None

    registry.looks.append(look)


def openshift(registry: MemoryRegistry) -> None:
    """A path has exactly two parts."""

    def look(request: Request, _: bytes) -> Answer | None:
        if request.repository and request.repository.count("/") != 1:
            return refusal(404, "NAME_UNKNOWN", "repository name not known to registry")
        return None

    registry.looks.append(look)


def docker_hub(registry: MemoryRegistry, pulls: int = 100) -> None:
    """Tokens; two path parts; 401 for what is not there; pulls of manifests are counted."""
    left = pulls

    def door(request: Request) -> Answer | None:
        refused = tokens(request)
        found = registry.content.repositories.get(request.repository)
        if refused is None and request.repository and not found and not _writes(request):
            return refusal(401, "UNAUTHORIZED", "authentication required")
        return refused

    def look(request: Request, _: bytes) -> Answer | None:
        nonlocal left
        if request.repository.count("/") > 1 and _writes(request):
            return refusal(404, "NAME_INVALID", "invalid repository name")
        if not _tag(request) or _writes(request):
            return None
        headers = {"ratelimit-limit": f"{pulls};w=21600", "ratelimit-remaining": f"{left};w=21600"}
        if request.method == "GET":
            if left <= 0:
                return refusal(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.")
            left -= 1
        with registry.content.lock:
            answer = registry._content(request, request.repository, "manifests", _tag(request), b"")
        answer.headers.update(headers)
        return answer

    tokens = Tokens(registry)
    registry.door = door
    registry.looks.append(look)


def wants_patch(registry: MemoryRegistry) -> None:
    """Takes a blob by PATCH alone: a PUT that brings one is refused."""

    def look(request: Request, body: bytes) -> Answer | None:
        if request.method == "PUT" and "/blobs/uploads/" in request.path and body:
            return refusal(400, "BLOB_UPLOAD_INVALID", "blob upload invalid")
        return None

    registry.looks.append(look)


def oci_only(registry: MemoryRegistry) -> None:
    """Takes OCI's types, and none of docker's."""

    def look(request: Request, _: bytes) -> Answer | None:
        kind = request.headers.get("Content-Type", "")
        if request.method == "PUT" and "/manifests/" in request.path and ".oci." not in kind:
            return refusal(415, "MANIFEST_INVALID", f"unsupported media type {kind}")
        return None

    registry.looks.append(look)
