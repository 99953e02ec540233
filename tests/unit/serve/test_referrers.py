from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.descriptor import OCI_INDEX
from airgap.oci.digest import Digest
from airgap.serve.catalog import Catalog
from airgap.serve.referrers import Referrers
from airgap.sources.layout import Layout
from tests.support.images import Maker


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    maker = Maker(tmp_path / "layout")
    about = maker.image(b"a", name="docker.io/library/app:1")
    maker.image(
        b"b", name="docker.io/library/app:sig", subject=about, annotations={"a": "b", "c": 1}
    )
    maker.image(b"c", name="docker.io/library/app:odd", subject={"digest": "nonsense"})
    maker.image(b"d", name="quay.io/other/app:sig", subject=about)
    listed = {"manifests": [maker.image(b"e")], "artifactType": "application/list"}
    kind = {"schemaVersion": 2, "mediaType": OCI_INDEX, "subject": about}
    maker.put(kind | listed, "docker.io/library/app:index")
    return maker.layout()


def test_what_is_attached_in_the_same_repository(layout: Layout) -> None:
    catalog, referrers = Catalog(layout.images), Referrers(layout)
    root = layout.images[0].root.digest
    app, other = catalog.find("app"), catalog.find("quay.io/other/app")
    assert app
    assert other
    found = {entry["artifactType"]: entry for entry in referrers.of(app, root)}
    config = "application/vnd.oci.image.config.v1+json"
    assert sorted(found) == ["application/list", config]
    assert found[config]["annotations"] == {
        "a": "b"
    }  # a text for each, as the specification has it
    assert len(referrers.of(other, root)) == 1
    assert referrers.of(app, Digest.of(b"")) == ()


def test_a_repository_is_read_once(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Catalog(layout.images).find("app")
    assert app
    read: list[Digest] = []
    monkeypatch.setattr(
        layout, "manifest_bytes", lambda d: read.append(d) or Layout.manifest_bytes(layout, d)
    )
    referrers = Referrers(layout)
    for image in layout.images:
        referrers.of(app, image.root.digest)
    assert len(read) == len(set(read)) == len(app.manifests)


def test_a_damaged_manifest_is_no_empty_list(layout: Layout) -> None:
    app = Catalog(layout.images).find("app")
    assert app
    root = layout.images[1].root.digest
    (layout.path / "blobs/sha256" / root.hex).write_bytes(b"{}")
    with pytest.raises(InputError):
        Referrers(layout).of(app, layout.images[0].root.digest)
