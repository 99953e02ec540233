"""What a journal says, and that nothing else in it counts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.bundle.partial.journal import Held, Journal
from airgap.oci.digest import Digest

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    found = Journal(tmp_path / "b.tar.partial.journal")
    yield found
    found.close()


@pytest.mark.parametrize(
    "held",
    [
        Held(512, ((0, 7),)),
        Held(512, ((0, 7), (9, 12), (20, 21))),
        Held(512, ((9, 12),)),
        Held(0, tuple((10 * n, 10 * n + 5) for n in range(900))),
    ],
)
def test_what_is_noted_is_read(journal: Journal, held: Held) -> None:
    journal.add(TWO, Held(0, ((0, 3),)))
    journal.add(ONE, Held(7, ((0, 9),)))
    journal.add(ONE, held)
    read = journal.read()
    assert [r for r in read[ONE].ranges if r[0] < r[1]] == list(held.ranges)
    assert read[ONE].at == held.at
    assert read[TWO].ranges == ((0, 3),)
    journal.restart({ONE: held})
    assert list(journal.read()) == [ONE]


def test_a_line_of_the_first_release_is_read(journal: Journal) -> None:
    journal.path.write_text(f"{ONE} 1024 77\n")
    assert journal.read() == {ONE: Held(1024, ((0, 77),))}


def test_the_first_release_reads_what_is_there_from_the_first_byte_on(journal: Journal) -> None:
    journal.add(ONE, Held(1024, ((0, 77),)))
    assert journal.path.read_text() == f"{ONE} 1024 77\n"


@pytest.mark.parametrize(
    "line",
    [
        f"{TWO} 0 9 5\n",
        f"{TWO} 0 9",
        f"{TWO} 0 -9\n",
        f"{TWO} 0 9 1 2 3\n",
        f"{TWO} 0 9" + " 1 1" * 1001 + "\n",
        "sha256:0 0 9\n",
        "\x00\xff\n",
    ],
)
def test_whatever_is_no_line_is_skipped(journal: Journal, line: str) -> None:
    journal.add(ONE, Held(1, ((0, 2),)))
    with journal.path.open("a", encoding="latin-1") as file:
        file.write(line)
    assert list(journal.read()) == [ONE]
