"""A registry's content on disk, as distribution lays it out."""

import hashlib
from pathlib import Path

from airgap.oci.image import Image
from airgap.transfer.ports import Store


class Volume:
    """The folder below which ``repositories`` and ``blobs`` lie."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)

    def blob(self, digest: str) -> Path:
        algorithm, _, encoded = digest.partition(":")
        return self.root / "blobs" / algorithm / encoded[:2] / encoded / "data"

    def put(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        path = self.blob(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return digest

    def link(self, repository: str, digest: str, kind: str = "_layers") -> None:
        path = self.root / "repositories" / repository / kind / digest.replace(":", "/") / "link"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(digest)

    def tag(self, repository: str, tag: str, digest: str) -> None:
        """Let a tag mean a manifest that the repository holds."""
        self.link(repository, digest, "_manifests/revisions")
        path = self.tag_path(repository, tag) / "current/link"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(digest)
        index = self.tag_path(repository, tag) / "index" / digest.replace(":", "/") / "link"
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_text(digest)

    def tag_path(self, repository: str, tag: str) -> Path:
        return self.root / "repositories" / repository / "_manifests/tags" / tag

    def take(self, store: Store, image: Image, short: str) -> None:
        """Take an image as a registry does: what is there by its link is not asked for.

        A short tag that means something is not moved.
        """
        tag, root = image.reference.tag, str(image.root.digest)
        for name in filter(None, [image.reference.repository, short]):
            link = self.tag_path(name, tag) / "current/link"
            there = link.exists() and self.blob(link.read_text()).exists()
            if there and (link.read_text() == root or name == short):
                continue
            for blob in image.blobs:
                if not self.blob(str(blob.digest)).exists():
                    self.put(b"".join(map(bytes, store.chunks(blob))))
                self.link(name, str(blob.digest))
            for manifest in image.manifests:
                self.put(store.manifest_bytes(manifest.digest))
                self.link(name, str(manifest.digest), "_manifests/revisions")
            self.tag(name, tag, root)
