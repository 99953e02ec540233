"""Helm charts, and a repository with an index.yaml, made for a test."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping

from tests.support.registry import MemoryRegistry
from tests.support.serving import Answer

YAML = (
    "apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: 1.10\ndescription: <a> chart\n"
)


def tgz(files: Mapping[str, bytes | str]) -> bytes:
    """Pack files as helm does."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            about = tarfile.TarInfo(name)
            about.size = len(body)
            tar.addfile(about, io.BytesIO(body))
    return gzip.compress(made.getvalue(), mtime=0)


def chart(name: str = "shop", version: str = "1.2.3", more: str = "") -> bytes:
    about = YAML.format(name=name, version=version) + more
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
    return tgz({f"{name}/Chart.yaml": about, f"{name}/templates/x.yaml": template})


class Repository:
    """A chart repository below ``/charts`` of a server; its index names what is added."""

    def __init__(self, server: MemoryRegistry) -> None:
        self._server, self.url = server, f"{server.url}/charts"
        self._index = "apiVersion: v1\nentries:\n"

    def add(
        self, content: bytes, name: str = "shop", version: str = "1.2.3", *,
        url: str = "", digest: str = "", provenance: bytes = b"",
    ) -> None:  # fmt: skip
        file = f"{name}-{version}.tgz"
        said = digest or hashlib.sha256(content).hexdigest()
        self._index += (
            f"  {name}:\n  - version: {version}\n    digest: {said}\n    urls: ['{url or file}']\n"
        )
        self.page(file, content)
        if provenance:
            self.page(f"{file}.prov", provenance)
        self.page("index.yaml", self._index.encode())

    def page(self, name: str, content: bytes) -> None:
        kind = {"Content-Type": "text/plain"}
        self._server.pages[f"/charts/{name}"] = lambda *_: Answer(200, kind, content)
