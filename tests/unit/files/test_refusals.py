"""Media that refuse a call: what can be done without is, what cannot is an error."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airgap.files import refusals

MILD = [errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP]


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    found = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT, 0o644)
    yield found
    os.close(found)


def refusing(code: int) -> Callable[..., Any]:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


CALLS: list[tuple[Any, str, Callable[[int, Path], bool]]] = [
    (os, "fsync", lambda fd, _: refusals.sync(fd)),
    (os, "fsync", lambda _, folder: refusals.sync_folder(folder)),
    (fcntl, "flock", lambda fd, _: refusals.lock(fd)),
]


@pytest.mark.parametrize(("module", "name", "call"), CALLS)
@pytest.mark.parametrize("code", [*MILD, errno.ENOLCK])
def test_a_refusal_is_told_and_no_error(
    fd: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: Any,
    code: int,
) -> None:  # fmt: skip
    assert call(fd, tmp_path)
    monkeypatch.setattr(module, name, refusing(code))
    assert not call(fd, tmp_path)


@pytest.mark.parametrize(("module", "name", "call"), CALLS)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_failing_medium_is_an_error(
    fd: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: Any,
    code: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(module, name, refusing(code))
    with pytest.raises(OSError, match=os.strerror(code)):
        call(fd, tmp_path)


def test_a_lock_that_another_has(fd: int, tmp_path: Path) -> None:
    assert refusals.lock(fd)
    other = os.open(tmp_path / "file", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        refusals.lock(other)
    os.close(other)


def test_a_mode_counts_as_it_is_and_not_as_it_was_asked_for(
    fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fchmod", lambda *_: None)  # as exFAT does
    assert not refusals.make_private(fd)
    monkeypatch.setattr(os, "fchmod", refusing(errno.EPERM))
    assert not refusals.make_private(fd)
    monkeypatch.undo()
    assert refusals.make_private(fd)
