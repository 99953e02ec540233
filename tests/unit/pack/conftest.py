from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from airgap.oci.platform import Platform
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.pack.result import Result
from airgap.progress import Silent
from airgap.sources.choose import choose
from airgap.spec.image_list import parse_line
from airgap.spec.spec import Spec
from tests.support.shelf import Shelf

AMD64 = Platform("linux", "amd64")

Pack = Callable[..., Result]


class Listener(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf.image(b"base", b"nginx", name="nginx:1")
    amd = shelf.image(b"base", b"app amd")
    arm = shelf.image(b"base", b"app arm", architecture="arm64")
    shelf.index("quay.io/org/app:1", amd64=amd, arm64=arm)
    return shelf


def pack_from(
    shelf: Shelf, folder: Path, *lines: str, listener: Listener | None = None, **more: object
) -> Result:
    """Pack lines into b.tar of a folder."""
    spec = Spec(tuple(map(parse_line, lines)), platforms=(AMD64,))
    with ExitStack() as stack:
        listed, source = choose(spec.images, shelf, stack)
        plain = Request(spec, listed, folder / "b.tar")
        request = replace(plain, **more)  # type: ignore[arg-type]
        return pack(request, source, listener or Silent())


@pytest.fixture
def packed(shelf: Shelf, tmp_path: Path) -> Pack:
    """Pack lines from the shelf into b.tar."""
    return partial(pack_from, shelf, tmp_path)
