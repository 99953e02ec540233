import os
import time
from pathlib import Path

import pytest

from airgap.cluster import workspace
from airgap.cluster.workspace import private_folder, sweep
from airgap.errors import ResourceError


def old(path: Path, days: float = 2) -> Path:
    moment = time.time() - days * 86400
    os.utime(path, (moment, moment))
    return path


def test_it_is_private_and_goes(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.name.startswith("airgap-run-")
        (folder / "kind").write_text("x")
    assert not folder.exists()


def test_a_killed_run_s_folder_is_swept_and_a_running_one_s_is_not(tmp_path: Path) -> None:
    left = tmp_path / "airgap-run-abc"
    left.mkdir(0o700)
    (left / "key").write_text("secret")
    old(left)
    with private_folder(tmp_path) as running:
        assert not left.exists()
        old(running)
        assert sweep(tmp_path) == []


def test_folders_of_releases_before_are_swept_where_they_are_theirs(tmp_path: Path) -> None:
    theirs, strange, young = (
        tmp_path / f"airgap-{n}" for n in ("abcdef_1", "abcdef_2", "abcdef_3")
    )
    for path in (theirs, strange, young, tmp_path / "airgap-lab", tmp_path / "airgap-elsewhere"):
        path.mkdir(0o700)
        (path / "kind").write_text("x")
    (strange / "important").write_text("x")
    for path in (theirs, strange, tmp_path / "airgap-lab", tmp_path / "airgap-elsewhere"):
        old(path)
    (tmp_path / "airgap-file0000").write_text("x")
    (tmp_path / "airgap-link0000").symlink_to(strange)
    assert sweep(tmp_path) == [theirs]


@pytest.mark.needs("root")
def test_another_user_s_folder_stays(tmp_path: Path) -> None:
    path = tmp_path / "airgap-run-xyz"
    path.mkdir()
    os.chown(path, 65534, 65534)
    old(path)
    assert sweep(tmp_path) == []


def test_a_place_where_nothing_may_be_run_from_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "_OTHERS", (tmp_path,))
    monkeypatch.setattr(workspace, "_runs_programs", lambda path: path == tmp_path)
    with private_folder() as folder:
        assert folder.parent == tmp_path


def test_no_place(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="cannot make a folder"):
        private_folder(tmp_path / "missing").__enter__()
