"""Make the demo's two small images as an OCI layout: make_images.py FOLDER."""

import gzip
import hashlib
import io
import json
import platform
import sys
import tarfile
from pathlib import Path

OCI = "application/vnd.oci.image"


def main(folder: Path) -> None:
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def add(body: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(body).hexdigest()
        (blobs / digest).write_bytes(body)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(body)}

    shared = layer("etc/motd", "Welcome to the isolated side.\n" * 1000)
    roots = []
    for name in ("hello", "world"):
        layers = [shared, layer(f"srv/{name}.txt", f"{name}!\n")]
        config = {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
            "os": "linux",
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(x).hexdigest()}" for x in layers],
            },
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": add(json.dumps(config).encode(), f"{OCI}.config.v1+json"),
            "layers": [add(gzip.compress(x, mtime=0), f"{OCI}.layer.v1.tar+gzip") for x in layers],
        }
        root = add(json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json")
        name_of = {"io.containerd.image.name": f"docker.io/airgap-demo/{name}:1"}
        roots.append({**root, "annotations": name_of})
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": roots}))


def layer(path: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(path)
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


main(Path(sys.argv[1]))
