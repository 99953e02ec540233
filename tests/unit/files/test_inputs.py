"""Why a file cannot be read, and whose fault that is."""

import errno
import os
import threading
from pathlib import Path

import pytest

from airgap.errors import AirgapError, InputError, ResourceError
from airgap.files import inputs


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOENT, InputError),
        (errno.ENOTDIR, InputError),
        (errno.EISDIR, InputError),
        (errno.ENAMETOOLONG, InputError),
        (errno.ELOOP, InputError),
        (errno.EACCES, ResourceError),
        (errno.EPERM, ResourceError),
        (errno.EIO, ResourceError),
        (errno.EMFILE, ResourceError),
        (errno.ESTALE, ResourceError),
    ],
)
def test_what_is_not_there_is_bad_input_and_what_is_refused_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[AirgapError]
) -> None:
    path = tmp_path / "images.txt"

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(kind) as caught:
        inputs.read(path)
    assert caught.value.message == f"cannot read {path}: {os.strerror(code)}"
    assert caught.value.hint


def test_a_failure_amid_the_file_is_translated_too(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(ResourceError, match=r"cannot read .*: Input/output"), inputs.opened(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_what_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert inputs.read(path, 5) == b"12345"
    with pytest.raises(InputError, match="is larger than 4 bytes"):
        inputs.read(path, 4)


def test_a_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"nginx:1.27\n",))
    writer.start()
    assert inputs.read(path) == b"nginx:1.27\n"
    writer.join()


def test_what_looks_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    assert inputs.is_file(tmp_path / "file")
    for name in ("nothing", ".", "x" * 300, "a\0b"):
        assert not inputs.is_file(tmp_path / name)

    for code in (errno.EACCES, errno.EIO, errno.ENOSYS):

        def refuse(_: Path, code: int = code) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(Path, "stat", refuse)
        assert inputs.is_file(tmp_path / "file")
