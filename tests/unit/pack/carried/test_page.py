"""The bundle's own page, in each of its forms; tests/contract/test_page.py runs its commands."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airgap.bundle.format import HELP, README, TOOL
from airgap.bundle.reader import Bundle
from airgap.errors import InputError
from airgap.help.pages import pages
from airgap.oci.platform import Platform
from airgap.pack.carried.page import Facts, page
from airgap.pack.carried.programs import Tools
from tests.support.shelf import Shelf
from tests.unit.pack.carried.test_programs import elf
from tests.unit.pack.conftest import Listener, pack_from
from tests.unit.test_docs import calls, refusal

AMD64 = Platform("linux", "amd64")
PLAIN = Facts("shop", 2, AMD64, cluster=False, tool=None, program="airgap-linux-amd64")


def forms() -> Iterator[Facts]:
    for cluster, tool, sparse, secret in itertools.product(
        (False, True), (None, AMD64), (0, 1), (False, True)
    ):
        yield replace(PLAIN, cluster=cluster, tool=tool, sparse=sparse, secret=secret)


def flat(text: str) -> str:
    return " ".join(text.split())


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.startswith("    ")]


@pytest.mark.parametrize("facts", list(forms()), ids=str)
def test_every_form_has_commands_that_airgap_takes(
    facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = page(facts)
    text = flat(lines)
    assert [line for line in lines.split("\n") if len(line) > 80] == []
    found = [call for line in commands(lines) for call in calls(line)]
    assert [said for said in map(refusal, found) if said] == []
    verbs = {call[0] for call in found}
    assert verbs - {"unpack", "doctor"} == {"verify", "push", "export", "serve"}
    assert ("unpack" in verbs) == facts.cluster == ("docker; kubectl" in text)
    assert ("airgap/bin/airgap" in text) == bool(facts.tool)
    assert ("does not carry airgap" in text) == (facts.tool is None)
    assert ("--flatten" in text) == bool(facts.sparse)
    assert ("It is secret" in text) == facts.secret
    assert ("node's and the registry's image" in text) == facts.cluster


def test_numbers_are_those_of_the_bundle() -> None:
    text = flat(page(replace(PLAIN, images=1, sparse=2, files=3)))
    assert "'shop': 1 container image to" in text
    assert "3 files of the sender" in text
    assert "2 images here carry some" in text


def test_a_bundle_carries_its_page_and_every_page_of_the_documentation(
    shelf: Shelf, tmp_path: Path
) -> None:
    pack_from(shelf, tmp_path, "nginx:1", "quay.io/org/app:1")
    with Bundle.open(tmp_path / "b.tar") as bundle:
        own = flat(bundle.member(README).decode())
        named = [m.name for m in bundle.members() if m.name.startswith(HELP)]
        assert named == [f"{HELP}README.txt", *(f"{HELP}{topic}.txt" for topic in pages())]
        first = bundle.member(named[0]).decode()
    assert "2 container images" in own
    assert "--flatten" in own, "of one image one platform of two is carried"
    assert "troubleshoot" in first
    assert f"{HELP}troubleshoot.txt" in own


def test_the_page_counts_what_is_there_not_what_was_asked_for(shelf: Shelf, tmp_path: Path) -> None:
    pack_from(shelf, tmp_path, "nginx:1", "quay.io/org/none:1", keep_going=True)
    with Bundle.open(tmp_path / "b.tar") as bundle:
        assert "1 container image to" in flat(bundle.member(README).decode())


def test_a_program_that_is_not_there_is_told_before_anything_is_looked_up(
    shelf: Shelf, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot read"):
        pack_from(shelf, tmp_path, "nginx:none", tools=Tools(tmp_path / "none"))


def test_pack_says_in_one_line_that_no_airgap_travels(shelf: Shelf, tmp_path: Path) -> None:
    without, carrying = Listener(), Listener()
    assert pack_from(shelf, tmp_path, "nginx:1", listener=without).tool is None
    (note,) = [note for note in without.notes if "carries no airgap" in note]
    assert "--tool airgap-linux-amd64" in note
    tools = Tools(elf(tmp_path / "airgap", 183))
    result = pack_from(shelf, tmp_path, "nginx:1", listener=carrying, tools=tools)
    assert not [note for note in carrying.notes if "airgap" in note]
    assert result.to_json()["tool"] == "linux/arm64"
    with Bundle.open(tmp_path / "b.tar") as bundle:
        assert TOOL in [member.name for member in bundle.members()]
        assert "is in this file, for linux/arm64" in flat(bundle.member(README).decode())
