from pathlib import Path

import pytest

from tests.unit.unpack.bundles import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.with_worker(tmp_path)
