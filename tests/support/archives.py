"""Archives of images in the shapes that other programs write, made for a test."""

import gzip
import hashlib
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

LAYERS = (b"first layer", b"second layer")


def tar(files: Mapping[str, bytes | str], *, form: int = tarfile.USTAR_FORMAT) -> bytes:
    """Return a tar; a text in place of content is where a symbolic link leads."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@cache
def zeros(mib: int) -> bytes:
    """Return a gzip file that expands to so many MiB of zeros: one block, again and again."""
    packer, mega = zlib.compressobj(9, wbits=-15), bytes(1 << 20)
    block = packer.compress(mega) + packer.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(mib):
        crc = zlib.crc32(mega, crc)
    head, end = bytes.fromhex("1f8b08000000000000ff"), packer.flush()
    return head + block * mib + end + struct.pack("<II", crc, mib << 20)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def layer_tars() -> list[bytes]:
    return [tar({"file": data}) for data in LAYERS]


def config(tars: list[bytes]) -> bytes:
    value = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha(data)}" for data in tars]},
    }
    return json.dumps(value).encode()


def listing(config_name: str, layers: list[str], *tags: str) -> bytes:
    entry: dict[str, Any] = {"Config": config_name, "RepoTags": list(tags) or None}
    return json.dumps([entry | {"Layers": layers}]).encode()


def docker_before_25(tag: str = "shop/app:1") -> bytes:
    """Return what docker save wrote: folders by layer, a repeated layer as a link."""
    tars = layer_tars()
    tars.append(tars[0])
    body = config(tars)
    names = [f"{number}{sha(data)[1:]}/layer.tar" for number, data in enumerate(tars)]
    files: dict[str, bytes | str] = {}
    for name, data in zip(names, tars, strict=True):
        folder = name.partition("/")[0]
        files[f"{folder}/VERSION"] = b"1.0"
        files[f"{folder}/json"] = b"{}"
        files[name] = data
    files[names[2]] = f"../{names[0]}"
    files[f"{sha(body)}.json"] = body
    files["manifest.json"] = listing(f"{sha(body)}.json", names, tag)
    files["repositories"] = b"{}"
    return tar(files)


def podman(tag: str = "shop/app:1") -> bytes:
    """Return what podman save and skopeo write: layers by digest, older names as links."""
    tars = layer_tars()
    body = config(tars)
    names = [f"{sha(data)}.tar" for data in tars]
    files: dict[str, bytes | str] = dict(zip(names, tars, strict=True))
    files[f"{sha(body)}.json"] = body
    for name in names:
        files[f"{name[:64]}/layer.tar"] = f"../{name}"
    files["manifest.json"] = listing(f"{sha(body)}.json", names, tag)
    return tar(files)


def compressed(config_name: str = "config.json", tag: str = "shop/app:1") -> bytes:
    """Return what jib, kaniko and crane write: gzipped layers."""
    tars = layer_tars()
    packed = [gzip.compress(data, mtime=0) for data in tars]
    body = config(tars)
    names = [f"{sha(data)}.tar.gz" for data in packed]
    files: dict[str, bytes | str] = {config_name.replace("HEX", sha(body)): body}
    files |= dict(zip(names, packed, strict=True))
    files["manifest.json"] = listing(config_name.replace("HEX", sha(body)), names, tag)
    return tar(files)


def nix(tag: str = "shop/app:1") -> bytes:
    """Return what nix's dockerTools write: names below ``./``, the whole gzipped."""
    tars = layer_tars()
    body = config(tars)
    names = [f"{sha(data)}/layer.tar" for data in tars]
    files: dict[str, bytes | str] = {f"./{n}": d for n, d in zip(names, tars, strict=True)}
    files[f"./{sha(body)}.json"] = body
    files["./manifest.json"] = listing(f"{sha(body)}.json", names, tag)
    return gzip.compress(tar(files, form=tarfile.GNU_FORMAT), mtime=0)


DOCKER: dict[str, Callable[[], bytes]] = {
    "docker before 25": docker_before_25,
    "podman": podman,
    "jib": compressed,
    "kaniko, crane": lambda: compressed("sha256:HEX"),
    "nix": nix,
    "docker before 25, gzipped": lambda: gzip.compress(docker_before_25()),
}


def of_folder(folder: Path, *, listed: bytes = b"") -> bytes:
    """Return a layout's folder as an archive, as docker since 25 with its own list beside."""
    names = sorted(path for path in folder.rglob("*") if path.is_file())
    files: dict[str, bytes | str] = {
        str(path.relative_to(folder)): path.read_bytes() for path in names
    }
    if listed:
        files["manifest.json"] = listed
    return tar(files, form=tarfile.PAX_FORMAT)
