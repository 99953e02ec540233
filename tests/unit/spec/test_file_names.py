"""Names of files: what no bundle takes is told before anything is looked up."""

from pathlib import Path

import pytest

from airgap.bundle.format import FILES, check_names
from airgap.errors import InputError
from airgap.spec import file_names
from airgap.spec.load import load


@pytest.mark.parametrize(
    "name",
    [
        "-rf",
        "a/-rf",
        "a.",
        "a./b",
        "a ",
        "a /b",
        " a",
        ".a",
        "a/.b",
        "",
        "a//b",
        "a\\b",
        "a" * 81,
        7,
    ],
)
def test_a_name_that_no_bundle_takes(name: object) -> None:
    with pytest.raises(InputError, match=r"x: files: .* is no name for a file in a bundle"):
        file_names.check(name, "x: files")


@pytest.mark.parametrize("name", ["a", "a-b", "a.b-", "_a/b c.tgz", "@%+=,", "a" * 80, "A/0"])
def test_a_name_that_a_bundle_takes(name: str) -> None:
    assert file_names.check(name, "x") == name
    check_names({FILES + name: 0})


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a", "A"], "would be one file"),
        (["a/b", "c", "A/B"], "would be one file"),
        (["a", "a/b"], "needs a folder there"),
        (["a/b/c", "A"], "needs a folder there"),
    ],
)
def test_names_that_are_one_on_some_medium(names: list[str], why: str) -> None:
    with pytest.raises(InputError, match=why):
        file_names.apart([(name, Path(name)) for name in names], "x")
    with pytest.raises(InputError):
        check_names({FILES + name: 0 for name in names})


def test_two_files_of_a_list_with_one_name(tmp_path: Path) -> None:
    spec = tmp_path / "shop.yaml"
    spec.write_text("images: [nginx]\nfiles: [a/values.yaml, b/values.yaml]\n")
    with pytest.raises(InputError, match=r"shop.yaml: files: 'values.yaml' and 'values.yaml'"):
        load(spec)
    spec.write_text("images: [nginx]\nfiles: [a/values.yaml, a/values.yaml, a/-x]\n")
    with pytest.raises(InputError, match="'-x' is no name"):
        load(spec)
    spec.write_text("images: [nginx]\nfiles: [a/values.yaml, a/values.yaml]\n")
    assert load(spec).files == {"values.yaml": tmp_path / "a/values.yaml"}
