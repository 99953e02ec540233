import pytest

from airgap.help.pages import index, pages
from airgap.help.text import inline, render, render_passage

PAGE = """# A page

<!-- nobody reads
this -->
A paragraph with `code`, **weight** and a [link](guide/unpack.md) that is broken over
two lines of its source.

- an item
  that goes on
- another

1. first
2. second

```sh
airgap pack images.txt          # kept as it is

| no | table |
```

| code | meaning |
| --- | --- |
| 0 | done |
| 6 | this host lacks `x \\| y` |
"""


def test_a_page_becomes_plain_text() -> None:
    assert render(PAGE, 60) == (
        "A page\n======\n\n"
        "A paragraph with code, weight and a link (airgap help\n"
        "unpack) that is broken over two lines of its source.\n\n"
        "- an item that goes on\n- another\n\n"
        "1. first\n2. second\n\n"
        "    airgap pack images.txt          # kept as it is\n\n    | no | table |\n\n"
        "code  meaning\n----  ---------------------\n0     done\n6     this host lacks x | y\n"
    )


def test_a_table_that_is_too_wide_becomes_named_lines() -> None:
    page = "| code | meaning |\n| --- | --- |\n| 6 | " + "lacks " * 12 + "|\n"
    assert render(page, 40) == (
        "6\n    meaning: lacks lacks lacks lacks\n"
        "      lacks lacks lacks lacks lacks\n      lacks lacks lacks\n"
    )


def test_a_passage_that_is_a_row() -> None:
    assert render_passage("| `x` fails | 6 | do y |", 40) == "x fails\n    6\n    do y\n"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("[guide/pack.md](guide/pack.md)", "pack"),
        ("[pack](guide/pack.md#x)", "pack (airgap help pack)"),
        ("[kind](https://kind.sigs.k8s.io/)", "kind (https://kind.sigs.k8s.io/)"),
        ("[README](../README.md)", "README"),
        ("[results](../bench/results.json)", "results"),
    ],
)
def test_links_lead_somewhere_offline(written: str, read: str) -> None:
    assert inline(written) == read


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_every_page_fits_the_terminal(width: int) -> None:
    for page in (*pages().values(), index()):
        for line in render(page.markdown, width).split("\n"):
            words = line.split()
            long_word = any(len(word) > width - 12 for word in words)
            assert len(line) <= width or line.startswith("    ") or long_word, (page.path, line)
