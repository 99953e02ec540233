"""Referrers: which manifests of a repository are attached to another one.

Follows the OCI distribution specification 1.1, "Listing Referrers". What is attached is found in
the manifests themselves, by their ``subject``, when a repository is first asked about.
"""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from airgap.oci import strictjson
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.manifest import Manifest, parse
from airgap.serve.catalog import Repository
from airgap.transfer.ports import Store

Found = Mapping[Digest, Sequence[dict[str, Any]]]


class Referrers:
    """What is attached to what, in every repository. Thread-safe.

    Args:
        store: where the manifests are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: weakref.WeakKeyDictionary[Repository, Found] = weakref.WeakKeyDictionary()

    def of(self, repository: Repository, subject: Digest) -> Sequence[dict[str, Any]]:
        """Return the descriptors of what is attached to ``subject``, as JSON, in one order.

        Raises:
            InputError: a manifest is damaged.
            ResourceError: the medium cannot be read.
        """
        found = self._found.get(repository)
        if found is None:
            found = self._found[repository] = self._look(repository)
        return found.get(subject, ())

    def _look(self, repository: Repository) -> Found:
        found: dict[Digest, list[dict[str, Any]]] = {}
        for descriptor in repository.manifests.values():
            body = self._store.manifest_bytes(descriptor.digest)
            if b'"subject"' not in body:
                continue
            manifest = parse(body, descriptor.media_type, str(descriptor.digest))
            if manifest.subject:
                entry = _entry(descriptor, manifest.media_type, body, _kind(manifest))
                found.setdefault(manifest.subject.digest, []).append(entry)
        return {subject: sorted(few, key=_digest) for subject, few in found.items()}


def _kind(manifest: object) -> str:
    """Return what kind of artifact a manifest says it is, else what its config is."""
    said: str = getattr(manifest, "artifact_type", "")
    return said or (manifest.config.media_type if isinstance(manifest, Manifest) else "")


def _entry(descriptor: Descriptor, media_type: str, body: bytes, kind: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "mediaType": media_type,
        "digest": str(descriptor.digest),
        "size": len(body),
    }
    if kind:
        entry["artifactType"] = kind
    annotations = strictjson.load_object(body, str(descriptor.digest)).get("annotations")
    if isinstance(annotations, dict):
        entry["annotations"] = {k: v for k, v in annotations.items() if isinstance(v, str)}
    return entry


def _digest(entry: Mapping[str, Any]) -> str:
    return str(entry["digest"])
