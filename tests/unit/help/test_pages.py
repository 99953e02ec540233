import re
from pathlib import Path

from airgap.help.pages import index, pages

DOCS = Path(__file__).parents[3] / "docs"


def test_every_page_of_the_docs_has_a_topic_of_its_own() -> None:
    files = {str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md")} - {"README.md"}
    assert {page.path for page in pages().values()} == files
    assert len(pages()) == len(files)


def test_the_index_names_every_page() -> None:
    named = set(re.findall(r"\(([^)]+\.md)\)", index().markdown))
    assert {page.path for page in pages().values()} <= named


def test_a_page_knows_its_title() -> None:
    assert pages()["exit-codes"].title == "Exit codes"
