"""Export: one image out of a docker daemon, which gives it as one tar, from front to back.

Nothing of it is kept on this machine but in the bundle. A first pass notes where each file lies,
and keeps the small ones in memory; a second one pours the layers into their places. What else is
asked for costs a pass of its own.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.sources.archive.members import Member, Members, scan
from airgap.sources.archive.tape import Tape
from airgap.sources.docker_archive import DockerArchive
from airgap.sources.layout import Layout, blob_name
from airgap.sources.named import Named
from airgap.sources.store import StoreSource

_HEAD = 4
_MAX_KEPT, _MAX_KEPT_TOGETHER = 4 << 20, 64 << 20
"""Bytes of a file that is kept in memory, and of all of them."""

Pass = Callable[[], Generator[bytes]]
"""Begins an export; each one gives the same files."""


class Export:
    """An image as a daemon exports it; implements Content.

    Args:
        what: names it in errors.
        begin: begins a pass.

    Attributes:
        path: ``what``.
        named: the names that it has there, most often one.

    Raises:
        InputError: what comes is no image.
        ResourceError: the daemon failed.
    """

    def __init__(self, what: str, begin: Pass) -> None:
        self.path = Path(what)
        self.files = _Exported(self.path, begin)
        self._content = self._opened()
        self.named: Sequence[Named] = self._content.named

    def _opened(self) -> Layout | DockerArchive:
        if "index.json" in self.files and "oci-layout" in self.files:
            return Layout(self.path, self.files)
        if "manifest.json" in self.files:
            return DockerArchive(self.path, self.files)
        raise InputError(f"{self.path}: what the daemon exports is no image")

    def __contains__(self, digest: object) -> bool:
        """Tell whether the image has the content of a digest."""
        return digest in self._content

    def manifest_bytes(self, digest: Digest) -> bytes:
        """Return a manifest's exact bytes; see `airgap.transfer.ports.Store`."""
        return self._content.manifest_bytes(digest)

    def chunks(self, blob: Descriptor, start: int = 0) -> Iterator[memoryview]:
        """Read a blob from ``start`` on; see `airgap.transfer.ports.Store`."""
        return self._content.chunks(blob, start)

    def referrers(self, subject: Digest) -> Sequence[Descriptor]:
        """Return what refers to a manifest; docker's archives have no such thing."""
        return self._content.referrers(subject) if isinstance(self._content, Layout) else ()

    def pour(self, wanted: Collection[Digest]) -> Iterator[tuple[Digest, Iterator[memoryview]]]:
        """Yield contents as they come; see `airgap.transfer.ports.Pouring`."""
        named = {self._file_of(digest): digest for digest in wanted if digest in self}
        for name, _, content in self.files.all():
            if digest := named.pop(name, None):
                yield digest, content
            if not named:
                return

    def _file_of(self, digest: Digest) -> str:
        if isinstance(self._content, Layout):
            return self.files.target(blob_name(digest))
        return self.files.target(self._content.file_of(digest) or "")


class ExportSource(StoreSource):
    """An exported image under any name; implements Source and Pouring."""

    def __init__(self, export: Export, image: Named) -> None:
        super().__init__(export, image)
        self._export = export

    def origin(self, reference: Reference) -> Export:
        """Return what has all of its blobs."""
        return self._export

    def pour(
        self, reference: Reference, wanted: Collection[Digest]
    ) -> Iterator[tuple[Digest, Iterator[memoryview]]]:
        """Yield what is wanted as it comes; see `airgap.transfer.ports.Pouring`."""
        return self._export.pour(wanted)


class _Exported:
    """The files of an export; implements Files."""

    def __init__(self, path: Path, begin: Pass) -> None:
        self.path, self._begin = path, begin
        self._kept: dict[str, bytes] = {}
        self._heads: dict[str, bytes] = {}
        self._members = Members(self._noted(), str(path))

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def target(self, name: str) -> str:
        return self._members.target(name)

    def size(self, name: str) -> int:
        return self._members.find(name).size

    def read(self, name: str, limit: int) -> bytes:
        size = self.size(name)
        if size > limit:
            raise InputError(f"{self.path}: {name} is larger than {limit} bytes")
        return b"".join(map(bytes, self.chunks(name, 0, size)))

    def chunks(self, name: str, start: int, count: int) -> Iterator[memoryview]:
        target = self.target(name)
        at_hand = self._kept.get(target)
        if at_hand is None and start + count <= len(self._heads[target]):
            at_hand = self._heads[target]
        if at_hand is not None:
            yield memoryview(at_hand)[start : start + count]
            return
        for found, _, content in self.all():
            if found == target:
                yield from _part(content, start, count)
                return
        raise InputError(f"{self.path}: {name} is gone", hint="run the same command again")

    def all(self) -> Iterator[tuple[str, Member, Iterator[memoryview]]]:
        """Yield all files in the order of one pass, each with its content."""
        with closing(self._begin()) as pieces:
            tape = Tape(pieces, str(self.path))
            for name, member in scan(tape, None, str(self.path)):
                yield name, member, tape.chunks(member.size)

    def _noted(self) -> Iterator[tuple[str, Member]]:
        """Yield what is found, and keep the small texts and the first bytes of all else."""
        left = _MAX_KEPT_TOGETHER
        for name, member, content in self.all():
            first = b""
            while len(first) < min(_HEAD, member.size):
                first += bytes(next(content))
            is_text = first[:1] in (b"{", b"[") and member.size <= min(_MAX_KEPT, left)
            if is_text:
                self._kept[name] = first + b"".join(map(bytes, content))
                left -= member.size
            self._heads[name] = first[:_HEAD]
            yield name, member


def _part(content: Iterator[memoryview], start: int, count: int) -> Iterator[memoryview]:
    """Yield ``count`` bytes from ``start`` on."""
    for piece in content:
        rest = piece[start : start + count]
        start = max(start - len(piece), 0)
        if rest:
            count -= len(rest)
            yield rest
        if not count:
            return
