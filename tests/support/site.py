"""What the clients of a registry are tried on: an image, a signature of it, and a chart."""

import gzip
import json
from pathlib import Path

from airgap.oci.digest import Digest
from airgap.sources.layout import Layout
from tests.support import archives
from tests.support.images import EMPTY, Json, Maker

_HELM = "application/vnd.cncf.helm"
IMAGE, CHART = "docker.io/library/app", "ghcr.io/charts/chart"


class Site:
    """A layout with the image `IMAGE`:1 for two platforms, signed, and the chart `CHART`:1.0.0.

    Attributes:
        root: the digest of the image's index.
        mine: the digest of its manifest for amd64.
        signature: the digest of what is attached to the index.
        layers: the digests of all layers of the image.
    """

    def __init__(self, folder: Path) -> None:
        maker = Maker(folder)
        base, self.layers = maker.bytes(200_000), set[str]()
        children = {name: self._image(maker, base, name) for name in ("amd64", "arm64")}
        index = maker.index(f"{IMAGE}:1", **children)
        self.root, self.mine = str(index["digest"]), str(children["amd64"]["digest"])
        self.signature = self._sign(maker, index)
        self._chart(maker)
        self.layout: Layout = maker.layout()

    def _image(self, maker: Maker, base: bytes, architecture: str) -> Json:
        tars = archives.tar({"base": base}), archives.tar({"arch": architecture.encode()})
        self.layers |= {str(Digest.of(gzip.compress(data, 1, mtime=0))) for data in tars}
        return maker.runnable(*tars, architecture=architecture)

    def _sign(self, maker: Maker, index: Json) -> str:
        """Attach a signature, also under the tag that a registry without referrers is asked for."""
        name = f"{IMAGE}:{index['digest'].replace(':', '-')}"
        kind = "application/vnd.example.signature"
        empty, payload = maker.blob(b"{}", EMPTY), maker.blob(b"signed")
        signature = maker.artifact(empty, payload, artifactType=kind, subject=index)
        maker.index(name, signature | {"artifactType": kind})
        return str(signature["digest"])

    def _chart(self, maker: Maker) -> None:
        about = json.dumps({"apiVersion": "v2", "name": "chart", "version": "1.0.0"}).encode()
        packed = gzip.compress(archives.tar({"chart/Chart.yaml": about}), mtime=0)
        maker.artifact(
            maker.blob(about, f"{_HELM}.config.v1+json"),
            maker.blob(packed, f"{_HELM}.chart.content.v1.tar+gzip"),
            name=f"{CHART}:1.0.0",
        )
