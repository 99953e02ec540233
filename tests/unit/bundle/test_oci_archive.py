import io
import json
import tarfile
from pathlib import Path

from airgap.bundle.oci_archive import oci_archive
from airgap.bundle.reader import Bundle
from tests.unit.bundle.made import Content, write


def test_the_manifest_keeps_its_digest_and_gets_the_name(tmp_path: Path) -> None:
    content = Content()
    content.index("registry:3", 5, "linux/arm64")
    path = tmp_path / "b.tar"
    write(content, path)
    with Bundle.open(path) as bundle:
        (image,) = bundle.images
        child = next(d for d in image.manifests if not d.is_index)
        name = f"docker.io/airgap/registry@{child.digest}"
        data = b"".join(bytes(chunk) for chunk in oci_archive(bundle, image, 0, name))
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            members = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
        index = json.loads(members["index.json"])
        (found,) = index["manifests"]
        assert found["digest"] == str(child.digest)
        assert found["annotations"] == {"io.containerd.image.name": name}
        assert members[f"blobs/sha256/{child.digest.hex}"] == bundle.manifest_bytes(child.digest)
        for blob in image.images[0].blobs:
            assert members[f"blobs/sha256/{blob.digest.hex}"] == content.blobs[blob.digest]
        assert json.loads(members["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
