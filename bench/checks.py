"""Proof that what was measured also did the work."""

import hashlib
import json
import os
import ssl
import tarfile
from pathlib import Path
from urllib.request import Request, urlopen

from bench.data import Images
from bench.peers import BUNDLE, flat
from bench.servers import Certificate

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json"}
_BLOCK = 1 << 20


class WrongError(Exception):
    """A program ended well, and its result is not what was asked for."""


def packed(images: Images, folder: Path) -> None:
    """Check that a tar has every blob, by content: members may have any name.

    Raises:
        WrongError: one is missing.
    """
    with tarfile.open(folder / BUNDLE) as tar:
        found = {_hash(tar, member) for member in tar if member.isfile()}
    _all_there(images, found)


def fetched(images: Images, folder: Path) -> None:
    """Check that a folder has every blob, by name and size: curl proves no content.

    Raises:
        WrongError: one is missing.
    """
    for digest, (size, _) in images.blobs.items():
        if (folder / "out" / digest[7:]).stat().st_size != size:
            raise WrongError(f"{digest} is cut short")


def pushed(
    images: Images,
    address: str,
    storage: Path,
    certificate: Certificate | None = None,
    prefix: str = "",
) -> None:
    """Check that a registry has every image under ``prefix`` and its name, and every blob.

    Raises:
        WrongError: something is missing.
    """
    scheme = "https" if certificate else "http"
    context = ssl.create_default_context(cafile=certificate.ca) if certificate else None
    for name, digest in images.digests.items():
        url = f"{scheme}://{address}/v2/{prefix}{name}/manifests/1"
        request = Request(url, headers={"Accept": _MANIFEST})  # noqa: S310  (our own registry)
        with urlopen(request, context=context) as answer:  # noqa: S310
            content = answer.read()
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise WrongError(f"{name}:1 is not {digest}")
    blobs = storage / "docker/registry/v2/blobs/sha256"
    _all_there(images, {path.parent.name for path in blobs.glob("*/*/data")})


def layouts(images: Images, folder: Path) -> None:
    """Make the OCI layouts that the peers push: one for each image, and one of all."""
    blobs = images.root / "docker/registry/v2/blobs/sha256"
    every = []
    for name, digest in images.digests.items():
        content = (blobs / digest[7:9] / digest[7:] / "data").read_bytes()
        manifest = json.loads(content)
        root = {"mediaType": _MANIFEST, "digest": digest, "size": len(content)}
        root["annotations"] = {"org.opencontainers.image.ref.name": flat(name)}
        every.append(root)
        parts = [digest, manifest["config"]["digest"], *(b["digest"] for b in manifest["layers"])]
        for target in (folder / flat(name), folder / "all"):
            _link_all(blobs, parts, target)
        _write_layout(folder / flat(name), [root])
    _write_layout(folder / "all", every)


def _link_all(blobs: Path, digests: list[str], target: Path) -> None:
    into = target / "blobs/sha256"
    into.mkdir(parents=True, exist_ok=True)
    for digest in digests:
        if not (into / digest[7:]).exists():
            os.link(blobs / digest[7:9] / digest[7:] / "data", into / digest[7:])


def _write_layout(folder: Path, manifests: list[dict[str, object]]) -> None:
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({**_INDEX, "manifests": manifests}))


def _hash(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    digest = hashlib.sha256()
    file = tar.extractfile(member)
    while file and (block := file.read(_BLOCK)):
        digest.update(block)
    return digest.hexdigest()


def _all_there(images: Images, found: set[str]) -> None:
    missing = {digest[7:] for digest in images.blobs} - found
    if missing:
        raise WrongError(f"{len(missing)} blobs are missing, such as {min(missing)}")
