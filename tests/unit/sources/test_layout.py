import json
import os
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.descriptor import OCI_INDEX
from airgap.oci.digest import Digest
from airgap.sources.layout import Layout
from tests.support.images import Maker


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path / "My Layout")


def test_images_are_named_by_their_annotation_or_the_folder(maker: Maker) -> None:
    maker.image(b"a", name="quay.io/org/app:1")
    maker.image(b"b", name="2.0")
    layout = maker.layout()
    assert [str(image.reference) for image in layout.images] == [
        "quay.io/org/app:1",
        "localhost/my-layout:2.0",
    ]
    for image in layout.images:
        for blob in image.blobs:
            assert blob.digest in layout
            assert sum(len(chunk) for chunk in layout.chunks(blob)) == blob.size


def test_a_wrong_blob_is_refused_before_its_last_chunk(maker: Maker) -> None:
    maker.image(maker.bytes(600_000), name="x/y:1")
    layout = maker.layout()
    blob = max(layout.images[0].blobs, key=lambda b: b.size)
    file = maker.folder / "blobs/sha256" / blob.digest.hex
    data = file.read_bytes()
    for wrong in (data[:-1], bytes([data[0] ^ 1]) + data[1:]):
        file.write_bytes(wrong)
        count = 0
        with pytest.raises(InputError):
            for chunk in layout.chunks(blob):
                count += len(chunk)
        assert count < blob.size


def test_a_part_reads_no_more_than_it_gives(maker: Maker) -> None:
    content = maker.bytes(600_000)
    maker.image(content, name="x/y:1")
    layout = maker.layout()
    blob = max(layout.images[0].blobs, key=lambda b: b.size)
    for start in (1, 300_000, 599_999, 600_000):
        assert b"".join(map(bytes, layout.chunks(blob, start))) == content[start:]
    with layout.place(blob) as place:
        assert os.pread(place.fd, 10, place.at + 300_000) == content[300_000:300_010]
    file = maker.folder / "blobs/sha256" / blob.digest.hex
    file.write_bytes(b"X" * 10 + content[10:])
    assert b"".join(map(bytes, layout.chunks(blob, 20))) == content[20:]
    file.write_bytes(content[:-1])
    with pytest.raises(InputError, match="shorter"):
        list(layout.chunks(blob, 20))


def test_a_symbolic_link_is_refused(maker: Maker) -> None:
    maker.image(b"secret", name="x/y:1")
    layout = maker.layout()
    blob = layout.images[0].blobs[1]
    file = maker.folder / "blobs/sha256" / blob.digest.hex
    file.rename(maker.folder / "elsewhere")
    file.symlink_to(maker.folder / "elsewhere")
    with pytest.raises(InputError, match="is a symbolic link"):
        list(layout.chunks(blob))


def test_a_folder_that_is_none(tmp_path: Path, maker: Maker) -> None:
    with pytest.raises(InputError, match="oci-layout is missing"):
        Layout(tmp_path)
    maker.layout()
    (maker.folder / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')
    with pytest.raises(InputError, match=r"not an OCI image layout of version 1\.0\.0"):
        Layout(maker.folder)


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        (["x"], "annotations is no object"),
        ("x", "annotations is no object"),
        ({"org.opencontainers.image.ref.name": 5}, "an image's name is no string"),
        ({"io.containerd.image.name": "a/b:UP PER"}, "'UP PER' is not a tag"),
    ],
)
def test_names_that_are_none(maker: Maker, annotations: object, message: str) -> None:
    maker.image(b"a", name="x/y:1")
    maker.layout()
    index = maker.folder / "index.json"
    value = json.loads(index.read_bytes())
    value["manifests"][0]["annotations"] = annotations
    index.write_text(json.dumps(value))
    with pytest.raises(InputError, match=message):
        Layout(maker.folder)


def _many(maker: Maker, count: int) -> Layout:
    """One index under very many names."""
    for n in range(3):
        maker.image(bytes([n]), name=f"x/y:{n}")
    path = maker.folder / "index.json"
    maker.layout()
    index = json.loads(path.read_text())
    body = json.dumps({"schemaVersion": 2, "manifests": index["manifests"]}).encode()
    digest = Digest.of(body)
    (maker.folder / "blobs/sha256" / digest.hex).write_bytes(body)
    name = "org.opencontainers.image.ref.name"
    index["manifests"] = [
        {"mediaType": OCI_INDEX, "digest": str(digest), "size": len(body),
         "annotations": {name: f"x/many:{n}"}}
        for n in range(count)
    ]  # fmt: skip
    path.write_text(json.dumps(index))
    return Layout(maker.folder)


def test_one_index_under_many_names_is_walked_once(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = _many(maker, 2000)
    read: list[Digest] = []
    plain = Layout.manifest_bytes

    def counted(self: Layout, digest: Digest) -> bytes:
        read.append(digest)
        return plain(self, digest)

    monkeypatch.setattr(Layout, "manifest_bytes", counted)
    assert [image.reference.tag for image in layout.images] == [str(n) for n in range(2000)]
    assert {len(image.manifests) for image in layout.images} == {4}
    assert len(read) == 4


def test_roots_that_lead_to_very_many_manifests_are_refused(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airgap.sources.layout._MAX_VISITS", 4)
    assert len(_many(maker, 50).images) == 50
    monkeypatch.setattr("airgap.sources.layout._MAX_VISITS", 3)
    with pytest.raises(InputError, match="its images lead to more than 3 manifests"):
        _ = _many(maker, 50).images
