"""docs/reference is complete: what the source has, the pages tell."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from airgap.cli import app, failure
from airgap.help.pages import Page, pages
from airgap.help.search import search
from airgap.help.text import render
from tests.support.error_sites import GAP, Site, sites

REPO = Path(__file__).parents[2]
REFERENCE = REPO / "docs/reference"
SOURCE = "\n".join(path.read_text() for path in sorted((REPO / "airgap").rglob("*.py")))
READ = re.compile(r"(?:environ|environment|child)(?:\.get\(|\[)\"(\w+)\"")
NAMED = re.compile(r"(?:VARIABLE|_COMPLETE)\b.* = .*\"([A-Z_]+)\"")
FOLDERS = (REPO.glob("*.md"), (REPO / "docs").rglob("*.md"), (REPO / ".github").rglob("*.md"))
PAGES = [page for pages in FOLDERS for page in pages]
FORCED = re.compile(r"^!\[|https?://\S{60}|blobs/sha256/[0-9a-f]{64}|^[0-9a-f]{64}  blobs/sha256/")
OF_OTHERS = {"--name"}
"""Options of other programs."""
BY_OTHERS = {"HOME", "COLUMNS", "TMPDIR", "PAGER", "SSL_CERT_FILE", "SSL_CERT_DIR"}
"""Variables that Python, OpenSSL and click read for airgap."""


def test_what_is_made_from_the_source_is_up_to_date() -> None:
    ran = subprocess.run(
        [REPO / "scripts/reference", "--check"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_variable_that_is_read_is_told() -> None:
    text = (REFERENCE / "environment.md").read_text()
    told = {name for row in re.findall(r"^\|.*", text, re.MULTILINE) for name in _code(row)}
    read = set(READ.findall(SOURCE)) | set(NAMED.findall(SOURCE))
    assert {"DOCKER_CONFIG", "DOCKER_HOST", "KIND_EXPERIMENTAL_DOCKER_NETWORK", "PATH"} <= read
    proxies = {f"{kind}_proxy" for kind in ("http", "https", "all", "no")}
    read |= proxies | {name.upper() for name in proxies} | BY_OTHERS
    assert read - told == set()
    assert [name for name in told - read if name not in SOURCE] == []


def test_variables_are_read_in_no_way_that_the_test_above_does_not_see() -> None:
    assert not re.search(r"getenv|environb", SOURCE)
    asked = re.findall(r"os\.environ(?:\.\w+\(|\[)([^,)\]]*)", SOURCE)
    named = {"name", "name.upper(", "_COMPLETE", 'password_env or ""'}
    assert [
        text for text in asked if not re.fullmatch(r'"[A-Z_]+"', text) and text not in named
    ] == []


def _code(row: str) -> list[str]:
    return re.findall(r"`(\w+)`", row.split("|")[1])


def test_every_exit_code_is_told() -> None:
    table = (REPO / "docs/exit-codes.md").read_text()
    for code in {site.exit_code for site in sites()}:
        assert re.search(rf"^\| {code} \|", table, re.MULTILINE), code


def test_every_error_has_a_next_step() -> None:
    """Of its own, or that of its exit code."""
    assert {site.exit_code for site in sites() if not site.hint} <= {2, *failure._HINTS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_pages_are_as_wide_as_a_terminal(page: Path) -> None:
    """But for rows of tables, which Markdown keeps in one line, and for dumps and addresses."""
    wide = [line for line in page.read_text().split("\n") if len(line) > 100]
    assert [line for line in wide if not line.startswith("|") and not FORCED.search(line)] == []


@pytest.fixture(scope="module")
def known() -> Mapping[str, Page]:
    return pages()


def runs(site: Site) -> set[str]:
    """Return every four words of a text that follow each other, and whole texts of fewer."""
    found = set()
    for text in site.message.split(GAP):
        words = re.findall(r"[a-z0-9]+", text.lower())
        found |= {" ".join(words[n : n + 4]) for n in range(len(words) - 3)}
    return found


def test_every_error_is_found_by_any_four_of_its_words(known: Mapping[str, Page]) -> None:
    all_sites = sites()
    assert len(all_sites) > 200
    every = {run for site in all_sites for run in runs(site)}
    pages = {"errors": known["errors"], **known}.values()
    words = {page.topic: f" {_words(page.markdown)} " for page in pages}
    lost = []
    for run in sorted(every):
        # What `airgap help errors` does; pages without the words cannot come first.
        some = [page for page in pages if page.topic == "errors" or f" {run} " in words[page.topic]]
        if not any(f" {run} " in f" {_words(one.markdown)} " for one in search(run, some)):
            lost.append(run)
    assert lost == []


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def test_every_error_site_is_on_the_page() -> None:
    page = _words((REFERENCE / "errors.md").read_text())
    assert [site.place for site in sites() if _words(site.message) not in page] == []


def test_every_topic_that_a_text_sends_people_to_is_there(known: Mapping[str, Page]) -> None:
    """Hints and help texts name topics, never a path of the checkout."""
    named = set(re.findall(r"see airgap help ([a-z][a-z-]+)|\(airgap help ([a-z-]+)\)", SOURCE))
    topics = {topic for pair in named for topic in pair if topic} - {"lists"}
    assert "spec" in topics
    assert topics <= set(known)
    texts = [text for site in sites() for text in (site.message, site.hint)]
    assert [text for text in texts if "docs/" in text or ".md" in text] == []


@pytest.mark.parametrize(
    ("said", "row"),
    [
        ("error: kind is not on PATH, and the bundle has to carry it", "kind is not on PATH"),
        ("hint: keep one, or --cluster-name says which", "--cluster-name"),
        ("--ca-cert and --ca-key go together", "--ca-cert and --ca-key go together"),
        ("/srv/b.tar is larger than 16777216 bytes", "is larger than"),
    ],
)
def test_an_error_is_found_as_it_was_copied_from_a_screen(
    said: str, row: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["help", "errors", *said.split()]) == 0
    assert row in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_pages_fit_the_terminal(width: int, known: Mapping[str, Page]) -> None:
    """But for code, and for words that are longer than a line."""
    for topic, found in known.items():
        for line in render(found.markdown, width).split("\n"):
            if len(line) > width and not line.startswith("    "):
                assert max(map(len, line.split())) > width - 12, (topic, line)


def test_hints_name_commands_and_options_that_there_are() -> None:
    """What stands before an option or an argument is a command, and its options are there."""
    commands = app.cli.commands
    options = {name for c in commands.values() for p in c.params for name in p.opts} | OF_OTHERS
    for site in sites():
        for text in (site.message, site.hint):
            for verb in re.findall(r"\bairgap ([a-z]+)(?=$| [A-Z-])", text):
                assert verb in commands, text
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text):
                assert option in options, text
