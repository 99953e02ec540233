import gzip
import json
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.digest import Digest
from airgap.oci.manifest import Manifest, parse
from airgap.sources.archive.files import Archive
from airgap.sources.docker_archive import DockerArchive
from tests.support import archives


def opened(tmp_path: Path, data: bytes) -> DockerArchive:
    path = tmp_path / "Shop App.tar.gz"
    path.write_bytes(data)
    return DockerArchive(path, Archive(path))


def content_of(archive: DockerArchive) -> list[bytes]:
    """Return all layers of the first image, unpacked."""
    root = archive.named[0].root
    manifest = parse(archive.manifest_bytes(root.digest), root.media_type, "x")
    assert isinstance(manifest, Manifest)
    found = [b"".join(map(bytes, archive.chunks(blob))) for blob in manifest.blobs]
    for blob, data in zip(manifest.blobs, found, strict=True):
        assert Digest.of(data) == blob.digest
        assert len(data) == blob.size
        assert blob.digest in archive
    return [gzip.decompress(d) if d.startswith(b"\x1f\x8b") else d for d in found[1:]]


@pytest.mark.parametrize("shape", archives.DOCKER)
def test_shapes(tmp_path: Path, shape: str) -> None:
    archive = opened(tmp_path, archives.DOCKER[shape]())
    assert [(one.text, str(one.reference)) for one in archive.named] == [
        ("shop/app:1", "docker.io/shop/app:1")
    ]
    tars = archives.layer_tars()
    assert content_of(archive)[:2] == tars
    again = opened(tmp_path, archives.DOCKER[shape]())
    assert again.named == archive.named, "the same archive gives the same digest"


def test_layers_keep_what_they_are(tmp_path: Path) -> None:
    for shape, ending in (("podman", "tar"), ("jib", "tar+gzip")):
        archive = opened(tmp_path, archives.DOCKER[shape]())
        value = json.loads(archive.manifest_bytes(archive.named[0].root.digest))
        assert {layer["mediaType"].partition("v1.")[2] for layer in value["layers"]} == {ending}


def test_an_image_without_a_name(tmp_path: Path) -> None:
    body = archives.config([])
    files = {"c.json": body, "manifest.json": archives.listing("c.json", [])}
    (one,) = opened(tmp_path, archives.tar(files)).named
    assert (one.text, str(one.reference)) == ("", f"localhost/shop-app@{one.root.digest}")


def test_a_layer_that_is_not_what_the_config_says(tmp_path: Path) -> None:
    tars = archives.layer_tars()
    files = {"c.json": archives.config(tars[:1]), "a.tar": tars[1]}
    files["manifest.json"] = archives.listing("c.json", ["a.tar"], "a:1")
    archive = opened(tmp_path, archives.tar(files))
    with pytest.raises(InputError, match=r"'a\.tar' is not sha256:"):
        content_of(archive)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"manifest.json": b"{}"}, "manifest.json is no list"),
        ({"manifest.json": b"[1]"}, "an image is no JSON object"),
        ({"manifest.json": b'[{"Layers": []}]'}, "an image has no config"),
        ({"manifest.json": b'[{"Config": "c.json"}]'}, r"'c\.json' is missing"),
        ({"manifest.json": b'[{"Config": "../c.json"}]'}, r"'\.\./c\.json' is missing"),
        ({"manifest.json": b'[{"Config": "c", "Layers": 1}]', "c": b"{}"}, "Layers is no list"),
        ({"manifest.json": b'[{"Config": "c", "Layers": ["l"]}]', "c": b"{}"}, "names 0 layers"),
        ({"manifest.json": b'[{"Config": "c"}]', "c": b"nothing"}, "'c' is not valid JSON"),
        (
            {"manifest.json": b'[{"Config": "c"}]', "c": b'{"rootfs": {"diff_ids": ["x"]}}'},
            "'c': invalid digest",
        ),
        ({"manifest.json": b'[{"Config": "c", "RepoTags": ["a:b:c"]}]', "c": b"{}"}, "invalid"),
        ({"manifest.json": b'[{"Config": "c"}]', "c": "c"}, "'c' is missing"),
        (
            {"manifest.json": json.dumps([{"Config": "c", "Layers": ["l"] * 1001}]).encode()},
            "more than 1000 layers",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, files: dict[str, bytes | str], why: str) -> None:
    with pytest.raises(InputError, match=why):
        opened(tmp_path, archives.tar(files))


def _listed(entries: list[tuple[str, list[str]]]) -> bytes:
    return json.dumps([{"Config": config, "Layers": layers} for config, layers in entries]).encode()


def test_what_many_entries_share_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small archive may name one large config, or one compressed layer, very often."""
    tars = archives.layer_tars()
    packed = gzip.compress(tars[0], mtime=0)
    configs = {f"{n}.json": archives.config([bytes([n])]) for n in range(20)}
    entries = [(name, ["l.gz"]) for name in configs] * 50
    files: dict[str, bytes | str] = {**configs, "l.gz": packed, "manifest.json": _listed(entries)}
    read: list[str] = []
    hashed: list[str] = []
    plain_read, plain_hash = Archive.read, DockerArchive._hash

    def counted_read(self: Archive, name: str, most: int) -> bytes:
        read.append(name)
        return plain_read(self, name, most)

    def counted_hash(self: DockerArchive, name: str, size: int) -> Digest:
        hashed.append(name)
        return plain_hash(self, name, size)

    monkeypatch.setattr(Archive, "read", counted_read)
    monkeypatch.setattr(DockerArchive, "_hash", counted_hash)
    assert len(opened(tmp_path, archives.tar(files)).named) == 1000
    assert (len(read), hashed) == (1 + 20, ["l.gz"])


def test_configs_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = archives.config([b"x"])
    entries = [("c.json", [f"{n}.tar"]) for n in range(10)]
    files: dict[str, bytes | str] = {f"{n}.tar": b"x" for n in range(10)}
    files |= {"c.json": body, "manifest.json": _listed(entries)}
    limit = 10 * (len(body) + len("0.tar"))
    monkeypatch.setattr("airgap.sources.docker_archive._MAX_CONFIGS", limit)
    assert len(opened(tmp_path, archives.tar(files)).named) == 10
    monkeypatch.setattr("airgap.sources.docker_archive._MAX_CONFIGS", limit - 1)
    with pytest.raises(InputError, match="its configs have more than"):
        opened(tmp_path, archives.tar(files))
