"""A registry in memory, and two images that share a layer."""

from pathlib import Path

import pytest

from airgap.sources.layout import Layout
from tests.support.images import Maker


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    maker = Maker(tmp_path / "layout")
    base = maker.bytes(2000)
    maker.image(base, maker.bytes(100), name="docker.io/library/nginx:1.27")
    maker.image(base, name="quay.io/org/app:1")
    return maker.layout()
