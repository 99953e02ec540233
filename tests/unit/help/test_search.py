from airgap.help.pages import Page
from airgap.help.search import search

PAGES = [
    Page(
        "a",
        "a.md",
        "# A\n\n| `kind is not on PATH, and the bundle has to carry it` | install it |\n",
    ),
    Page("b", "b.md", "# B\n\n## Trust\n\n- the path of the kind is long\n\nplain\ntext\n"),
]


def test_words_in_their_order_come_first() -> None:
    assert search("is not on PATH", PAGES)[0].page.topic == "a"
    assert search("kind is not on PATH", PAGES)[0].heading == "A"


def test_what_an_error_fills_in_need_not_be_found() -> None:
    found = search("the path of /root/x is long", PAGES)
    assert (found[0].page.topic, found[0].heading) == ("b", "Trust")


def test_words_that_follow_each_other_count_more_than_scattered_ones() -> None:
    far = Page(
        "far", "far.md", "# F\n\n- left the room, no device, cannot fill the space, write it\n"
    )
    near = Page("near", "near.md", "# N\n\n- `… has no space left`\n")
    said = "error: cannot write /srv/b.tar: No space left on device"
    assert search(said, [far, near])[0].page.topic == "near"


def test_nothing_is_found_where_little_fits() -> None:
    assert search("certificate expired on monday", PAGES) == []
    assert search("...", PAGES) == []
