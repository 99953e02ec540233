"""Which partial file may be taken over, and what a medium may refuse."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airgap.bundle.partial.file import check, open_locked
from airgap.errors import ResourceError

NOBODY, OTHER = 65534, 65533


def taken(path: Path, *, secret: bool = False) -> list[str]:
    """Take a partial file over; returns what was warned of."""
    warned: list[str] = []
    check(path)
    os.close(open_locked(path, secret=secret, warn=warned.append))
    return warned


@pytest.mark.needs("root")
@pytest.mark.parametrize("owner", [0, NOBODY])
def test_a_partial_of_another_owner_in_a_folder_of_few(tmp_path: Path, owner: int) -> None:
    """As a CI cache leaves it, or an earlier run without sudo."""
    path = tmp_path / "b.tar.partial"
    path.touch()
    os.chown(path, owner, owner)
    assert taken(path) == []


@pytest.mark.needs("root")
@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_partial_of_another_owner_where_anybody_may_put_one(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    path = tmp_path / "b.tar.partial"
    path.touch()
    os.chown(path, NOBODY, NOBODY)
    for use in (check, taken):
        with pytest.raises(ResourceError, match="another user's, in a folder where anybody"):
            use(path)


@pytest.mark.needs("root")
def test_a_medium_that_gives_all_files_to_one_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As exFAT with uid= and NFS with root_squash: the second run takes up what the first left."""
    tmp_path.chmod(0o777)
    path = tmp_path / "b.tar.partial"
    fstat = os.fstat
    monkeypatch.setattr(os, "fstat", lambda fd: _owned(fstat(fd)))
    assert taken(path) == []
    os.chown(path, NOBODY, NOBODY)
    make = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", make)
    assert taken(path) == []


def _owned(found: os.stat_result) -> Any:
    fields = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
    return SimpleNamespace(**fields | {"st_uid": NOBODY})


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda p: p.symlink_to("victim")])
def test_what_is_no_plain_file_is_refused_before_all_else(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "b.tar.partial"
    make(path)
    with pytest.raises(ResourceError, match=r"b\.tar\.partial is no plain file") as caught:
        check(path)
    assert "remove it" in caught.value.hint
    with pytest.raises(ResourceError):
        open_locked(path, secret=False, warn=print)


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_medium_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (warned,) = taken(tmp_path / "b.tar.partial")
    assert "cannot be locked" in warned


def test_a_medium_that_keeps_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.tar.partial"
    path.touch(0o644)
    monkeypatch.setattr(os, "fchmod", lambda *_: None)
    (warned,) = taken(path, secret=True)
    assert str(path) in warned
    assert "private key" in warned
    assert taken(path, secret=False) == []
