import pytest

from airgap.progress import count, size


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_499, "999.5 kB"), (426_300_000, "426.3 MB"),
     (2.5e9, "2.5 GB"), (3.2e12, "3.20 TB")],
)  # fmt: skip
def test_sizes(number: float, text: str) -> None:
    assert size(number) == text


def test_numbers_of_things() -> None:
    assert [count(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
