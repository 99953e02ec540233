from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.oci.descriptor import OCI_MANIFEST, Descriptor
from airgap.progress import Silent
from airgap.serve.server import Server
from airgap.sources.layout import Layout
from tests.support.images import Maker


class Heard(Silent):
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.details: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def detail(self, text: str) -> None:
        self.details.append(text)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    maker = Maker(tmp_path / "layout")
    base = maker.bytes(300_000)
    maker.image(base, name="docker.io/library/nginx:1.27")
    amd, arm = maker.image(base, b"amd"), maker.image(base, b"arm", architecture="arm64")
    maker.index("quay.io/org/app:1", amd64=amd, arm64=arm)
    maker.image(b"x", name="ghcr.io/org/app:1")
    return maker.layout()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def server(layout: Layout, heard: Heard) -> Iterator[Server]:
    with Server(layout.images, layout, ("127.0.0.1", 0), heard) as found:
        yield found


class Site:
    """A server that a whole module asks, and what it serves.

    Attributes:
        port: where it answers.
        layer: a blob of 1,000 bytes, of the image ``nginx:1.27``.
        content: its bytes.
        empty: a blob without bytes, of the same image.
        root: the manifest of ``nginx:1.27``.
        signatures: two manifests that are attached to it.
        sbom: a third one, of the type ``application/sbom``.
    """

    def __init__(self, folder: Path) -> None:
        maker = Maker(folder)
        self.content = maker.bytes(1000)
        root = maker.image(self.content, b"", name="docker.io/library/nginx:1.27")
        maker.image(b"", name="docker.io/library/nginx:1.26")
        maker.image(b"app", name="quay.io/org/app:1")
        maker.image(b"deep", name="ghcr.io/a/b/c/d:1")
        about = {"mediaType": OCI_MANIFEST, "digest": root["digest"], "size": root["size"]}
        attached = [
            maker.image(
                f"signature {n}".encode(), name=f"docker.io/library/nginx:sig{n}", subject=about,
                artifactType="application/signature", annotations={"n": str(n)},
            )
            for n in range(2)
        ]  # fmt: skip
        sbom = maker.image(
            b"sbom", name="docker.io/library/nginx:sbom", subject=about,
            artifactType="application/sbom",
        )  # fmt: skip
        self.layout = maker.layout()
        self.root = Descriptor.from_json(root, "root")
        blobs = self.layout.images[0].blobs
        self.layer = next(b for b in blobs if b.size == 1000)
        self.empty = next(b for b in blobs if b.size == 0)
        self.signatures = sorted(str(a["digest"]) for a in attached)
        self.sbom = str(sbom["digest"])
        self.port = 0


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("site") / "layout")
    with Server(found.layout.images, found.layout, ("127.0.0.1", 0), Silent()) as server:
        found.port = server.port
        yield found
