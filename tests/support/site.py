"""What the clients of a registry are tried on: an image, a signature of it, and a chart."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from airgap.oci import descriptor as d
from airgap.sources.layout import Layout
from tests.support.images import Maker

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

    def _image(self, maker: Maker, base: bytes, architecture: str) -> dict[str, Any]:
        tars = [_tar({"base": base}), _tar({"arch": architecture.encode()})]
        config = {
            "os": "linux", "architecture": architecture, "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_digest(data) for data in tars]},
        }  # fmt: skip
        layers = [gzip.compress(data, mtime=0) for data in tars]
        self.layers |= {_digest(data) for data in layers}
        described = maker.blob(json.dumps(config).encode(), d.CONFIG_TYPES[0])
        return maker.image(*layers, config=described)

    def _sign(self, maker: Maker, index: dict[str, Any]) -> str:
        """Attach a signature, also under the tag that a registry without referrers is asked for."""
        subject = {key: index[key] for key in ("mediaType", "digest", "size")}
        name = f"{IMAGE}:{subject['digest'].replace(':', '-')}"
        kind = "application/vnd.example.signature"
        signature = maker.image(
            b"signed", artifactType=kind, subject=subject,
            config=maker.blob(b"{}", "application/vnd.oci.empty.v1+json"),
        )  # fmt: skip
        entry = {**signature, "artifactType": kind}
        maker.tagged(name, {"schemaVersion": 2, "mediaType": d.OCI_INDEX, "manifests": [entry]})
        return str(signature["digest"])

    def _chart(self, maker: Maker) -> None:
        about = {"apiVersion": "v2", "name": "chart", "version": "1.0.0"}
        packed = gzip.compress(_tar({"chart/Chart.yaml": json.dumps(about).encode()}), mtime=0)
        maker.image(
            name=f"{CHART}:1.0.0",
            config=maker.blob(json.dumps(about).encode(), f"{_HELM}.config.v1+json"),
            layers=[maker.blob(packed, f"{_HELM}.chart.content.v1.tar+gzip")],
        )


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
