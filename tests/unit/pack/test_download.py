"""Blobs into the file, in pieces where the source gives parts, whatever it does meanwhile."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import InputError, NetworkError, ResourceError
from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.pack.pack import Result
from airgap.pack.pieces import GRAIN, LARGE
from airgap.transfer.ports import Part
from tests.support.shelf import Shelf
from tests.unit.pack.test_pack import run

MIB = 1 << 20
BIG = b"".join(bytes([n % 251]) * MIB for n in range(40))
DIGEST = Digest.of(BIG)


class Halls(Shelf):
    """A shelf that gives parts.

    Attributes:
        parts: whether it does; asked for each part with its number from 1.
        asked: the ranges that were asked for.
        met: is called with each part's number before its bytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parts: Callable[[int], bool] = lambda _: True
        self.asked: list[tuple[int, int]] = []
        self.met: Callable[[int, Reference], None] = lambda *_: None
        self._asking = threading.Lock()

    def connections(self, _: Reference) -> int:
        return 16

    def fetch_part(self, reference: Reference, blob: Descriptor, part: Part) -> None:
        with self._asking:
            self.asked.append((part.at, part.end))
            number = len(self.asked)
        is_whole = (part.at, part.end) == (0, blob.size)
        if not is_whole:
            part.answered(parts=self.parts(number))
        self.met(number, reference)
        content = memoryview(self.fault(blob.digest, self.content[blob.digest]))
        while part.at < part.end:
            part.take(content[part.at : part.at + MIB])


@pytest.fixture
def halls() -> Iterator[Halls]:
    halls = Halls()
    halls.image(BIG, name="big:1")
    halls.image(b"small", name="small:1")
    yield halls
    ends = [thread for thread in threading.enumerate() if thread.name.startswith("each")]
    for thread in ends:
        thread.join(10)
        assert not thread.is_alive()


def of_big(halls: Halls) -> list[tuple[int, int]]:
    return [asked for asked in halls.asked if asked[1] > MIB]


def check(result: Result) -> None:
    with Bundle.open(result.path) as bundle:
        bundle.verify()
        assert b"".join(map(bytes, bundle.chunks(Descriptor("x/y", DIGEST, len(BIG))))) == BIG


def test_a_large_blob_comes_in_pieces(halls: Halls, tmp_path: Path) -> None:
    result = run(halls, tmp_path, "big:1", "small:1")
    check(result)
    assert sum(end - at for at, end in of_big(halls)) >= len(BIG) > LARGE
    assert 2 < len(of_big(halls)) <= len(BIG) / GRAIN * 1.2
    assert result.fetched == sum(map(len, halls.content.values())) - _manifests(halls)


def _manifests(halls: Halls) -> int:
    """The bytes that the lookup reads: the manifests, and the configs that tell a platform."""
    return sum(len(c) for c in halls.content.values() if c.startswith(b"{"))


def test_a_source_of_whole_blobs_is_asked_once(halls: Halls, tmp_path: Path) -> None:
    halls.parts = lambda _: False
    check(run(halls, tmp_path, "big:1", "small:1"))
    assert len(of_big(halls)) == 1


@pytest.mark.parametrize("number", [2, 3, 4])
def test_one_that_stops_to_give_parts_gives_the_rest(
    halls: Halls, tmp_path: Path, number: int
) -> None:
    halls.parts = lambda asked: asked < number
    result = run(halls, tmp_path, "big:1")
    check(result)
    assert len(of_big(halls)) <= len(BIG) / GRAIN * 1.2


def test_one_piece_that_fails_ends_the_blob_and_the_rest_is_kept(
    halls: Halls, tmp_path: Path
) -> None:
    def fail(number: int, _: Reference) -> None:
        if number == 4:
            raise NetworkError("it broke", hint="try again")

    halls.met = fail
    with pytest.raises(NetworkError, match="it broke"):
        run(halls, tmp_path, "big:1")
    halls.met = lambda *_: None
    halls.asked.clear()
    result = run(halls, tmp_path, "big:1")
    check(result)
    assert result.fetched < len(BIG)


def test_another_name_of_the_blob_serves_where_the_first_fails(
    halls: Halls, tmp_path: Path
) -> None:
    halls.image(BIG, b"more", name="quay.io/org/big:2")

    def fail(_: int, reference: Reference) -> None:
        if reference.familiar == "big:1":
            raise InputError("big:1: the blob is gone")

    halls.met = fail
    check(run(halls, tmp_path, "big:1", "quay.io/org/big:2"))


def test_altered_bytes_come_once_more_as_a_whole(halls: Halls, tmp_path: Path) -> None:
    altered = bytearray(BIG)
    altered[25 * MIB] ^= 1
    halls.fault = lambda d, c: bytes(altered) if d == DIGEST and len(halls.asked) < 4 else c
    check(run(halls, tmp_path, "big:1"))
    assert halls.asked.count((0, len(BIG))) <= 1


def test_bytes_that_stay_wrong_are_told(halls: Halls, tmp_path: Path) -> None:
    altered = bytearray(BIG)
    altered[25 * MIB] ^= 1
    halls.fault = lambda d, c: bytes(altered) if d == DIGEST else c
    with pytest.raises(NetworkError, match=f"expected {DIGEST}, got {Digest.of(bytes(altered))}"):
        run(halls, tmp_path, "big:1", "small:1")
    assert halls.asked.count((0, len(BIG))) == 1


def test_a_full_disk_ends_all_pieces(halls: Halls, tmp_path: Path) -> None:
    def fail(number: int, _: Reference) -> None:
        if number == 3:
            raise ResourceError("the disk is full", hint="free some space")

    halls.met = fail
    with pytest.raises(ResourceError, match="the disk is full"):
        run(halls, tmp_path, "big:1", "small:1")


def test_an_empty_blob_is_proved_as_any(halls: Halls, tmp_path: Path) -> None:
    halls.image(b"", b"x", name="empty:1")
    with Bundle.open(run(halls, tmp_path, "empty:1").path) as bundle:
        bundle.verify()
        assert Digest.of(b"") in bundle


def test_a_blob_at_hand_is_not_fetched(halls: Halls, tmp_path: Path) -> None:
    old = run(halls, tmp_path, "big:1").path.rename(tmp_path / "old.tar")
    halls.asked.clear()
    with Bundle.open(old) as bundle:
        result = run(halls, tmp_path, "big:1", "small:1", reuse=bundle)
    check(result)
    assert not of_big(halls)
    assert result.reused >= len(BIG)


SHARED = Digest.of(b"shared")
NAMES = [f"org/n{number}:1" for number in range(20)]


class Denying(Halls):
    """Halls of which some fail with a blob that all images share.

    Attributes:
        error: how those of docker.io fail.
        shared: the references at which the shared blob was asked for.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.error: InputError | NetworkError = InputError("it is gone")
        self.shared: list[Reference] = []
        for name in names:
            self.image(b"shared", name.encode(), name=name)

    def fetch_part(self, reference: Reference, blob: Descriptor, part: Part) -> None:
        if blob.digest == SHARED:
            self.shared.append(reference)
            if reference.host == "docker.io":
                raise self.error
        super().fetch_part(reference, blob, part)


@pytest.mark.parametrize(
    ("error", "most"), [(InputError("it is gone"), 4), (NetworkError("it broke"), 1)]
)
def test_a_shared_blob_that_fails_is_asked_for_in_few_places(
    tmp_path: Path, error: InputError | NetworkError, most: int
) -> None:
    """Whatever the number of images that have it."""
    halls = Denying(NAMES)
    halls.error = error
    with pytest.raises(type(error), match=error.message):
        run(halls, tmp_path, *NAMES)
    assert len(halls.shared) == most


def test_what_one_host_fails_in_another_may_give(tmp_path: Path) -> None:
    names = [*NAMES, "quay.io/org/other:1"]
    halls = Denying(names)
    halls.error = NetworkError("it broke")
    run(halls, tmp_path, *names)
    assert [reference.host for reference in halls.shared] == ["docker.io", "quay.io"]


def test_bytes_that_stay_wrong_come_twice_from_a_host(tmp_path: Path) -> None:
    halls = Halls()
    for name in (*NAMES, "quay.io/org/other:1"):
        halls.image(b"shared", name.encode(), name=name)
    halls.fault = lambda digest, content: b"SHARED" if digest == SHARED else content
    with pytest.raises(NetworkError, match=f"expected {SHARED}"):
        run(halls, tmp_path, *NAMES, "quay.io/org/other:1")
    assert halls.asked.count((0, len(b"shared"))) == 2 * 2
