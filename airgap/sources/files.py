"""Files: files by name, in a folder or in an archive, as what holds images reads them."""

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from airgap.errors import InputError, ResourceError
from airgap.files.failures import guarded
from airgap.transfer.ports import Place

_CHUNK = 1 << 18


class Files(Protocol):
    """Files by name. Thread-safe.

    Attributes:
        path: the folder or archive.
    """

    path: Path

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a file of that name."""

    def size(self, name: str) -> int:
        """Return a file's size in bytes.

        Raises:
            InputError: it is missing, or no regular file.
        """

    def read(self, name: str, limit: int) -> bytes:
        """Return a small file.

        Raises:
            InputError: it is missing, or larger than ``limit`` bytes.
        """

    def chunks(self, name: str, start: int, count: int) -> Iterator[memoryview]:
        """Read ``count`` bytes from ``start`` on, fewer at the end of the file alone.

        Raises:
            InputError: it is missing.
            ResourceError: the medium cannot be read.
        """


class Folder:
    """The files below a folder; implements Files. Symbolic links are refused."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a file of that name."""
        return isinstance(name, str) and (self.path / name).is_file()

    def size(self, name: str) -> int:
        """Return a file's size; see `Files.size`."""
        with self._open(name) as file:
            return os.fstat(file.fileno()).st_size

    def read(self, name: str, limit: int) -> bytes:
        """Return a small file; see `Files.read`."""
        with self._open(name) as file, guarded(f"cannot read {self.path / name}"):
            data = file.read(limit + 1)
        if len(data) > limit:
            raise InputError(f"{self.path}/{name}: larger than {limit} bytes")
        return data

    def chunks(self, name: str, start: int, count: int) -> Iterator[memoryview]:
        """Read a part of a file; see `Files.chunks`."""
        with self._open(name) as file:
            buffer = memoryview(bytearray(min(_CHUNK, max(count, 1))))
            while count > 0:
                with guarded(f"cannot read {self.path}"):
                    got = os.preadv(file.fileno(), [buffer[:count]], start)
                if not got:
                    return
                start += got
                count -= got
                yield buffer[:got]

    def place(self, name: str) -> AbstractContextManager[Place]:
        """Open a file to be read in place."""
        return self._place(name)

    @contextmanager
    def _place(self, name: str) -> Iterator[Place]:
        with self._open(name) as file:
            yield Place(file.fileno(), 0)

    def _open(self, name: str) -> BinaryIO:
        path = self.path / name
        try:
            return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", 0)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError(
                f"{self.path}: {name} is missing", hint="name a bundle, or an OCI image layout"
            ) from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise InputError(f"{self.path}: {name} is a symbolic link") from error
            raise ResourceError(f"cannot read {path}: {error.strerror}") from error
