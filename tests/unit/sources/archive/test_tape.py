from collections.abc import Iterator

import pytest

from airgap.errors import InputError
from airgap.sources.archive.members import scan
from airgap.sources.archive.tape import Tape
from tests.support.archives import tar

FILES = {"a": b"first" * 300, "b": b"", "c": b"third" * 5}


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    yield b""
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [1, 511, 512, 513, 1 << 20])
@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_what_is_not_taken_is_passed_over(size: int, taken: int) -> None:
    tape = Tape(pieces(tar(FILES), size), "x")
    found = {}
    for number, (name, member) in enumerate(scan(tape, None, "x")):
        if number < taken:
            found[name] = b"".join(map(bytes, tape.chunks(member.size)))
        elif number == taken:
            next(tape.chunks(member.size), None)
    assert found == dict(list(FILES.items())[:taken])


@pytest.mark.parametrize("takes", [True, False])
def test_a_tape_that_breaks_off(takes: bool) -> None:
    tape = Tape([tar(FILES)[:700]], "what comes")
    with pytest.raises(InputError, match="what comes broke off"):
        for _, member in scan(tape, None, "x"):
            if takes:
                list(tape.chunks(member.size))
