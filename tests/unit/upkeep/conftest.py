from pathlib import Path

import pytest

from tests.unit.unpack.bundles import Run, cluster_bundle


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A host on which a cluster with a worker was unpacked."""
    found = Run(tmp_path)
    cluster_bundle(found.path, workers=1)
    found()
    return found
