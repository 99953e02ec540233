"""airgap export, as it is typed."""

import json
import tarfile
from pathlib import Path

import pytest

from airgap.cli import app
from tests.support.bundles import Content, write


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    content = Content()
    content.simple("nginx:1.27", 1, 1000)
    content.simple("quay.io/a/b:1", 2, 500)
    path = tmp_path / "b.tar"
    write(content, path)
    return path


def test_one_image_of_several(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = bundle.with_name("images.tar")
    assert app.run(["export", str(bundle), "-o", str(out), "nginx:1.27", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [image["reference"] for image in told["images"]] == ["docker.io/library/nginx:1.27"]
    assert told["size"] == out.stat().st_size
    with tarfile.open(out) as archive:
        assert archive.getnames()[:3] == ["oci-layout", "index.json", "manifest.json"]


def test_what_is_not_in_the_bundle_leaves_no_file(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = bundle.with_name("images.tar")
    assert app.run(["export", str(bundle), "-o", str(out), "redis:7"]) == 3
    assert "not in the bundle: redis:7" in capsys.readouterr().err
    assert not out.exists()


def test_a_damaged_layer_leaves_no_file(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with tarfile.open(bundle) as archive:
        blobs = [m for m in archive.getmembers() if m.name.startswith("blobs/")]
        largest = max(blobs, key=lambda member: member.size)
    with bundle.open("r+b") as file:
        file.seek(largest.offset_data)
        first = file.read(1)
        file.seek(largest.offset_data)
        file.write(bytes([first[0] ^ 1]))
    out = bundle.with_name("images.tar")
    assert app.run(["export", str(bundle), "-o", str(out)]) == 3
    assert largest.name.rpartition("/")[2][:12] in capsys.readouterr().err
    assert not out.exists()
