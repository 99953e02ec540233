import pytest

from airgap.errors import InputError
from airgap.oci.platform import Platform


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm/v7", "windows/amd64"])
def test_parse_and_print_are_inverse(text: str) -> None:
    assert str(Platform.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd 64", "all"]
)
def test_all_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="invalid platform"):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("have", "want", "fits"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm/v7", "linux/arm", True),
        ("linux/arm/v6", "linux/arm", True),
        ("linux/arm/v5", "linux/arm/v7", True),
        ("linux/arm/v8", "linux/arm", False),
        ("linux/armhf", "linux/arm", True),
        ("linux/arm/7", "linux/arm/v7", True),
        ("linux/x86_64", "linux/amd64", True),
        ("Linux/AMD64", "linux/amd64", True),
        ("linux/amd64/v1", "linux/amd64", True),
        ("linux/amd64/v2", "linux/amd64", False),
        ("linux/amd64", "linux/amd64/v3", True),
        ("linux/aarch64", "linux/arm64/v8", True),
        ("linux/arm64", "linux/arm64/v9", True),
        ("linux/arm64/v9", "linux/arm64/v8", False),
        ("linux/riscv64", "linux/riscv64/rva22", False),
        ("linux/riscv64/rva22", "linux/riscv64/rva22", True),
        ("linux/amd64", "windows/amd64", False),
        ("linux/amd64", "linux/arm64", False),
    ],
)
def test_matches(have: str, want: str, fits: bool) -> None:
    assert Platform.parse(have).matches(Platform.parse(want)) is fits


def test_host_platform_is_linux() -> None:
    assert Platform.of_host().os == "linux"


def test_members_must_be_strings() -> None:
    with pytest.raises(InputError, match="must be strings"):
        Platform.from_json({"os": "linux", "architecture": 64})


def test_null_members_are_absent() -> None:
    value = {"os": "linux", "architecture": "arm64", "variant": None}
    assert Platform.from_json(value) == Platform("linux", "arm64")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("linux/x86_64", "linux/amd64"),
        ("linux/armhf", "linux/arm"),
        ("linux/arm64/v8", "linux/arm64/v8"),
    ],
)
def test_other_spellings_may_be_asked_for(text: str, asked: str) -> None:
    assert str(Platform.asked(text)) == asked
