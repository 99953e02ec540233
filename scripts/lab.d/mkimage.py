#!/usr/bin/env python3
"""Write an OCI image layout with one image: mkimage.py FOLDER REFERENCE [options] [SRC=DEST ...]

The same input gives the same bytes. With --index the further arguments are layouts of one image
each, which become the platforms of one index.
"""

import argparse
import gzip
import hashlib
import json
import shutil
import tarfile
from pathlib import Path

OCI = "application/vnd.oci.image"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EPOCH = "1970-01-01T00:00:00Z"


class Hashing:
    """A file that hashes what is written into it."""

    def __init__(self, file):
        self.file, self.sha256, self.size = file, hashlib.sha256(), 0

    def write(self, data):
        self.sha256.update(data)
        self.size += len(data)
        return self.file.write(data)

    def flush(self):
        self.file.flush()


class Layout:
    def __init__(self, folder: Path) -> None:
        self.folder, self.blobs = folder, folder / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def add(self, value: dict, media_type: str) -> dict:
        body = json.dumps(value, sort_keys=True).encode()
        digest = hashlib.sha256(body).hexdigest()
        (self.blobs / digest).write_bytes(body)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(body)}

    def add_layer(self, write) -> tuple[dict, str]:
        """Return the descriptor of a gzip layer, and its diff id."""
        with (self.blobs / "layer").open("wb") as file:
            packed = Hashing(file)
            with gzip.GzipFile("", "wb", 1, packed, mtime=0) as zipped:
                plain = Hashing(zipped)
                with tarfile.open(fileobj=plain, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                    write(tar)
        digest = packed.sha256.hexdigest()
        (self.blobs / "layer").rename(self.blobs / digest)
        media_type = f"{OCI}.layer.v1.tar+gzip"
        found = {"mediaType": media_type, "digest": f"sha256:{digest}", "size": packed.size}
        return found, f"sha256:{plain.sha256.hexdigest()}"

    def finish(self, root: dict, reference: str) -> None:
        names = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
        entry = {**root, "annotations": dict.fromkeys(names, reference)}
        index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [entry]}
        (self.folder / "index.json").write_text(json.dumps(index))


def copy_tar(path: str):
    def write(tar: tarfile.TarFile) -> None:
        with tarfile.open(path) as base:
            for member in base:
                tar.addfile(member, base.extractfile(member) if member.isreg() else None)

    return write


def add_files(files: list[str], links: list[str]):
    def write(tar: tarfile.TarFile) -> None:
        seen: set[str] = set()

        def entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
            for parent in reversed(Path(name).parents[:-1]):
                if str(parent) not in seen:
                    seen.add(str(parent))
                    folder = tarfile.TarInfo(str(parent))
                    folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(folder)
            found = tarfile.TarInfo(name)
            found.type, found.mode = kind, mode
            return found

        for pair in files:
            source, _, target = pair.partition("=")
            path = Path(source)
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            found = entry(target.lstrip("/"), tarfile.REGTYPE, mode)
            found.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(found, file)
        for pair in links:
            name, _, target = pair.partition("=")
            found = entry(name.lstrip("/"), tarfile.SYMTYPE, 0o777)
            found.linkname = target
            tar.addfile(found)

    return write


def make_image(layout: Layout, options: argparse.Namespace) -> dict:
    writers = [copy_tar(options.base)] if options.base else []
    if options.rest or options.link:
        writers.append(add_files(options.rest, options.link))
    layers = [layout.add_layer(write) for write in writers]
    settings = {
        "Env": [PATH, *options.env],
        "Entrypoint": options.entrypoint,
        "Cmd": options.cmd,
        "StopSignal": options.stop_signal,
    }
    config = {
        "architecture": options.arch,
        "os": "linux",
        "created": EPOCH,
        "config": {key: value for key, value in settings.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
        "history": [{"created": EPOCH, "created_by": "mkimage"} for _ in layers],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": layout.add(config, f"{OCI}.config.v1+json"),
        "layers": [descriptor for descriptor, _ in layers],
    }
    return layout.add(manifest, manifest["mediaType"])


def make_index(layout: Layout, folders: list[str]) -> dict:
    children = []
    for folder in folders:
        (entry,) = json.loads((Path(folder) / "index.json").read_text())["manifests"]
        shutil.copytree(Path(folder) / "blobs", layout.folder / "blobs", dirs_exist_ok=True)
        manifest = json.loads((layout.blobs / entry["digest"][7:]).read_text())
        config = json.loads((layout.blobs / manifest["config"]["digest"][7:]).read_text())
        del entry["annotations"]
        entry["platform"] = {"os": config["os"], "architecture": config["architecture"]}
        children.append(entry)
    media_type = f"{OCI}.index.v1+json"
    return layout.add(
        {"schemaVersion": 2, "mediaType": media_type, "manifests": children}, media_type
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("reference")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--index", action="store_true")
    parser.add_argument("--arch", default="amd64")
    parser.add_argument("--base")
    parser.add_argument("--link", action="append", default=[])
    parser.add_argument("--entrypoint", action="append")
    parser.add_argument("--cmd", action="append")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--stop-signal")
    options = parser.parse_intermixed_args()
    layout = Layout(options.folder)
    root = make_index(layout, options.rest) if options.index else make_image(layout, options)
    layout.finish(root, options.reference)


if __name__ == "__main__":
    main()
