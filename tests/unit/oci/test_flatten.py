"""Images without their indexes."""

from pathlib import Path
from typing import Any

import pytest

from airgap.oci.flatten import can_flatten, flattened, is_sparse
from airgap.oci.image import Image
from airgap.sources.layout import Layout
from tests.support.images import Maker

UNKNOWN = {"os": "unknown", "architecture": "unknown"}


def only(maker: Maker) -> tuple[Image, Layout]:
    layout = maker.layout()
    (image,) = layout.images
    return image, layout


def nested(folder: Path, *, carried: bool) -> tuple[Image, Layout, dict[str, Any]]:
    """An index that names an index, of which one platform or both are carried."""
    maker = Maker(folder)
    amd, arm = maker.image(b"amd"), maker.image(b"arm", architecture="arm64")
    inner = maker.index("", amd64=amd, arm64=arm)
    maker.index("quay.io/org/app:1", inner=inner)
    if not carried:
        maker.forget(arm)
    return *only(maker), amd


@pytest.mark.parametrize("carried", [True, False])
def test_a_nested_index(tmp_path: Path, carried: bool) -> None:
    image, layout, amd = nested(tmp_path / "l", carried=carried)
    load = lambda found: layout.manifest_bytes(found.digest)  # noqa: E731
    assert is_sparse(image, load) is not carried
    flat = flattened(image, load)
    if carried:
        assert flat is image
    else:
        assert str(flat.root.digest) == amd["digest"]
        assert [str(found.digest) for found in flat.manifests] == [amd["digest"]]
        assert flat.blobs == image.blobs


def test_attestations_do_not_count_as_platforms(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "l")
    amd, arm = maker.image(b"amd"), maker.image(b"arm", architecture="arm64")
    attestation = maker.image(b"in-toto", architecture="unknown")
    value = maker.index("quay.io/org/app:1", amd64=amd, arm64=arm, unknown=attestation)
    assert value
    maker.forget(arm)
    image, layout = only(maker)
    assert can_flatten(image)
    flat = flattened(image, lambda found: layout.manifest_bytes(found.digest))
    assert str(flat.root.digest) == amd["digest"]
    assert len(flat.images) == 1
