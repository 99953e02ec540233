"""What a registry in memory holds: repositories, their manifests, tags and blobs, and uploads."""

import hashlib
import itertools
import json
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any


def digest_of(body: bytes | bytearray) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


_of_large = lru_cache(maxsize=2)(digest_of)
"""Tests put one large blob into registry after registry."""


@dataclass
class Repository:
    """One repository.

    Attributes:
        blobs: digests of the blobs that are linked into it.
        manifests: type and bytes by digest.
        tags: digests by tag.
    """

    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def find(self, identifier: str) -> str | None:
        """Return the digest of a manifest by tag or digest, None where there is none."""
        digest = identifier if ":" in identifier else self.tags.get(identifier)
        return digest if digest in self.manifests else None

    def referrers(self, subject: str) -> list[dict[str, Any]]:
        """Return descriptors of the manifests whose subject is that digest."""
        found = []
        for digest, (media_type, body) in self.manifests.items():
            value = json.loads(body)
            if (value.get("subject") or {}).get("digest") == subject:
                kind = value.get("artifactType") or value.get("config", {}).get("mediaType")
                entry = {"mediaType": media_type, "digest": digest, "size": len(body)}
                entry |= {"artifactType": kind} if kind else {}
                found.append(entry | {"annotations": value.get("annotations") or {}})
        return found


class Content:
    """All repositories of one or more servers. Thread-safe where a server uses it."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.blobs: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self.lock = threading.RLock()
        self._numbers = itertools.count(1)

    def repository(self, name: str) -> Repository:
        """Return a repository, made where it is new."""
        with self.lock:
            return self.repositories.setdefault(name, Repository())

    def add_blob(self, name: str, body: bytes) -> str:
        """Put a blob into a repository; returns its digest."""
        digest = (_of_large if len(body) > 1 << 20 else digest_of)(body)
        with self.lock:
            self.blobs.setdefault(digest, body)
            self.repository(name).blobs.add(digest)
        return digest

    def add_manifest(self, name: str, body: bytes, media_type: str, tag: str = "") -> str:
        """Put a manifest into a repository, also under a tag; returns its digest."""
        digest = digest_of(body)
        with self.lock:
            found = self.repository(name)
            found.manifests[digest] = media_type, body
            if tag:
                found.tags[tag] = digest
        return digest

    def begin_upload(self) -> str:
        """Open an upload; returns what it is called."""
        with self.lock:
            name = f"upload-{next(self._numbers)}"
            self.uploads[name] = bytearray()
            return name

    def missing(self, name: str, body: bytes) -> list[str]:
        """Return the digests that a manifest names and its repository lacks."""
        value, there = json.loads(body), self.repository(name)
        blobs = [value.get("config"), *(value.get("layers") or [])]
        lacks = [d["digest"] for d in blobs if d and not d.get("urls")]
        absent = [digest for digest in lacks if digest not in there.blobs]
        children = [d["digest"] for d in value.get("manifests") or []]
        return absent + [digest for digest in children if digest not in there.manifests]
