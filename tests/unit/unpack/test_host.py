"""What unpack takes from this host: the kind that it calls."""

from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import ResourceError
from airgap.unpack.host import kind_binary
from airgap.unpack.options import Options
from tests.unit.unpack.bundles import cluster_bundle, images_bundle


def chosen(path: Path, **options: object) -> Path:
    folder = path.parent / "private"
    folder.mkdir(exist_ok=True)
    with Bundle.open(path) as bundle:
        return kind_binary(bundle, Options(**options), folder)  # type: ignore[arg-type]


def test_the_bundle_s_kind_is_taken_out_and_may_run(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    cluster_bundle(path)
    found = chosen(path)
    assert found == tmp_path / "private/kind"
    assert found.read_bytes() == b"#!/bin/sh\n"
    assert found.stat().st_mode & 0o777 == 0o700


def test_the_kind_that_was_named_wins(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    cluster_bundle(path)
    assert chosen(path, kind=tmp_path / "mine") == tmp_path / "mine"
    assert not (tmp_path / "private/kind").exists()


def test_without_one_in_the_bundle_the_installed_one_is_called(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    images_bundle(path)
    with pytest.raises(ResourceError, match="neither in the bundle nor on PATH") as caught:
        chosen(path, environment={"PATH": str(tmp_path)})
    assert "--kind" in caught.value.hint
    (tmp_path / "kind").touch(0o755)
    assert chosen(path, environment={"PATH": str(tmp_path)}) == tmp_path / "kind"
