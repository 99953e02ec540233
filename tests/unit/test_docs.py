"""The documentation: its links lead somewhere, and its commands are ones that airgap takes."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from airgap import __version__
from airgap.cli.app import cli
from airgap.oci.platform import Platform
from airgap.pack.carried.page import Facts
from airgap.pack.carried.page import page as carried_page
from airgap.spec import defaults

REPO = Path(__file__).parents[2]
GUIDE = REPO / "docs/guide"
ROOTS = (REPO / "README.md", REPO / "docs/README.md")
PAGES = sorted([REPO / "README.md", *(REPO / "docs").rglob("*.md")])
LINK = re.compile(
    r"\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s+(\S+)|<(?:img|a)\s[^>]*?=\"([^\"]+)\""
)
HEADING = re.compile(r"#{1,6}\s+(.*)")
FENCE = re.compile(r"\s*(```+|~~~+)\s*(\w*)")
HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")
SEPARATORS = {";", "&", "|", "&&", "||", "(", ")", ";;", "|&"}


@dataclass(frozen=True)
class Line:
    """One line of a page, and the language of the code block that it is in, None outside."""

    page: Path
    number: int
    text: str
    block: str | None

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(REPO)}:{self.number}"


def lines(page: Path) -> Iterator[Line]:
    fence: str | None = None
    block: str | None = None
    for number, text in enumerate(page.read_text().split("\n"), 1):
        match = FENCE.match(text)
        if match and fence is None:
            fence, block = match[1], match[2]
        elif match and fence is not None and match[1].startswith(fence) and not match[2]:
            fence = block = None
        else:
            yield Line(page, number, text, block)
    assert fence is None, f"{page.relative_to(REPO)}: a code block does not end"


def links(page: Path) -> Iterator[tuple[Line, str]]:
    """Yield what a page links to within the repository."""
    for line in lines(page):
        if line.block is None:
            for match in LINK.finditer(re.sub(r"`[^`]*`", "", line.text)):
                target = next(filter(None, match.groups()))
                if not re.match(r"[a-z][a-z0-9+.-]*:|//", target):
                    yield line, unquote(target)


def resolved(page: Path, target: str) -> tuple[Path, str]:
    path, _, anchor = target.partition("#")
    return ((page.parent / path).resolve() if path else page), anchor


def anchors(page: Path) -> set[str]:
    """Return the names of a page's headings, as GitHub makes them."""
    texts = [m[1] for line in lines(page) if line.block is None and (m := HEADING.match(line.text))]
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in texts}


def without_comment(text: str) -> str:
    quote = ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "#" and (not at or text[at - 1].isspace()):
            return text[:at]
    return text


def shell_lines(page: Path) -> Iterator[tuple[Line, str]]:
    """Yield the lines of sh blocks: continued ones joined, without comments and here-documents."""
    begun: Line | None = None
    joined, end = "", ""
    for line in lines(page):
        if line.block != "sh":
            assert not joined, f"{line.place}: the line before is continued by nothing"
            end = ""
            continue
        if end:
            end = "" if line.text.strip() == end else end
            continue
        begun = begun if joined and begun else line
        text = without_comment(line.text)
        if text.rstrip().endswith("\\"):
            joined += text.rstrip()[:-1] + " "
            continue
        yield begun, joined + text
        if match := HEREDOC.search(joined + text):
            end = match[1]
        joined = ""


def calls(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of airgap in a line of shell."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    parts: list[list[str]] = [[]]
    for token in lexer:
        if token in SEPARATORS:
            parts.append([])
        else:
            parts[-1].append(token)
    for part in parts:
        words = without_redirection(part)
        while words and (words[0] == "sudo" or re.fullmatch(r"\w+=.*", words[0])):
            words = words[1:]
        if words and words[0].rpartition("/")[2] == "airgap":
            yield words[1:]


def without_redirection(words: list[str]) -> list[str]:
    """Cut a command off at ``> FILE``, ``2> FILE``, ``>&2`` and the like."""
    for at, word in enumerate(words):
        if word and not word.strip("<>&"):
            return words[: at - 1 if at and words[at - 1].isdigit() else at]
    return words


def command_of(name: str) -> click.Command | None:
    return cli.get_command(click.Context(cli), name)


def refusal(arguments: list[str]) -> str:
    """Parse a call as airgap would, without doing it; return what is wrong with it, or nothing."""
    command: click.Command | None = cli
    name = "airgap"
    if arguments and not arguments[0].startswith("-"):
        name, *arguments = arguments
        command = command_of(name)
    if command is None:
        return f"airgap has no command {name}"
    try:
        command.make_context(name, arguments, parent=None)
    except click.exceptions.Exit:  # --help and --version
        return ""
    except click.UsageError as error:
        return f"airgap {name}: {error.format_message()}"
    return ""


def options() -> Iterator[tuple[str, list[str]]]:
    """Yield every option that --help shows, as its command and the names that count."""
    for name in cli.list_commands(click.Context(cli)):
        command = command_of(name)
        assert command is not None
        for parameter in command.get_params(click.Context(command)):
            if isinstance(parameter, click.Option) and not parameter.hidden:
                yield name, [max(parameter.opts, key=len), *parameter.secondary_opts]


def test_links_lead_somewhere() -> None:
    wrong = []
    for page in PAGES:
        for line, target in links(page):
            path, anchor = resolved(page, target)
            if not path.exists():
                wrong.append(f"{line.place}: {target} does not exist")
            elif anchor and path.suffix == ".md" and anchor not in anchors(path):
                wrong.append(f"{line.place}: {target} names no heading of that page")
    assert not wrong, "\n".join(wrong)


def test_commands_are_what_airgap_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # a name in an example must not meet a folder of that name here
    wrong, seen = [], 0
    for page in PAGES:
        for line, text in shell_lines(page):
            try:
                found = list(calls(text))
            except ValueError as error:
                wrong.append(f"{line.place}: {error}: {text}")
                continue
            seen += len(found)
            wrong += [f"{line.place}: {said}" for said in map(refusal, found) if said]
    capsys.readouterr()
    assert not wrong, "\n".join(wrong)
    assert seen > 50, "hardly a command was found: are the code blocks still called sh?"


def test_every_option_is_in_the_guide() -> None:
    guide = "\n".join(page.read_text() for page in sorted(GUIDE.glob("*.md")))
    words = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", guide))
    lacking = [
        f"docs/guide: no page mentions {option} of airgap {command}"
        for command, names in options()
        for option in names
        if option not in words
    ]
    assert not lacking, "\n".join(lacking)


WHOLE = re.compile(r"^[^#\n]*\btar xf \S+(?: -C \S+)?(?: *&& .*| *#.*|)$", re.MULTILINE)


@pytest.mark.parametrize("page", [*PAGES, "of a bundle"], ids=str)
def test_a_signature_is_looked_at_before_a_bundle_is_taken_out_whole(page: Path | str) -> None:
    facts = Facts("b", 1, Platform("linux", "amd64"), cluster=True, tool=None, program="airgap")
    text = page.read_text() if isinstance(page, Path) else carried_page(facts)
    blocks = re.findall(r"^(?:```sh\n.*?^```|    .*?(?=^\S))", text, re.MULTILINE | re.DOTALL)
    for block in blocks:
        if "minisign -Vm" in block and (whole := WHOLE.search(block)):
            assert block.index("minisign -Vm") < whole.start(), block


def test_versions_are_those_of_the_program() -> None:
    """Where a page names what is carried by default, or which release this is."""
    newest = re.search(r"^## ([^\s,]+)", (REPO / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == __version__
    spec = (REPO / "docs/spec.md").read_text()
    for name in (defaults.NODE_IMAGE, defaults.REGISTRY_IMAGE):
        assert name.partition("@")[0].removeprefix("docker.io/").removeprefix("library/") in spec
    told = re.compile(r"(?:\bkind |`kind` program, |kind/releases/download/)(v[\d.]*\d)")
    named = {version for page in PAGES for version in told.findall(page.read_text())}
    assert named == {defaults.KIND_VERSION}


def test_every_page_can_be_reached() -> None:
    todo, reached = list(ROOTS), set(ROOTS)
    while todo:
        page = todo.pop()
        for _, target in links(page):
            path, _ = resolved(page, target)
            if path.suffix == ".md" and path.exists() and path not in reached:
                reached.add(path)
                todo.append(path)
    lost = [str(page.relative_to(REPO)) for page in PAGES if page not in reached]
    assert not lost, f"no link leads from README.md or docs/README.md to {', '.join(lost)}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("airgap pack images.txt -o b.tar", [["pack", "images.txt", "-o", "b.tar"]]),
        ("tar xf b.tar airgap/bin && sudo airgap/bin/airgap up", [["up"]]),
        ("A=1 .venv/bin/airgap status -q || echo 'airgap nonsense'", [["status", "-q"]]),
        ("airgap inspect b.tar --json | jq . > out", [["inspect", "b.tar", "--json"]]),
        ("airgap verify b.tar 2> log", [["verify", "b.tar"]]),
        ("airgap-next up; echo airgap up", []),
    ],
)
def test_calls_are_found(text: str, found: list[list[str]]) -> None:
    assert list(calls(text)) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "no command nonsense"),
        ("pack images.txt --nonsense", "--nonsense"),
        ("pack images.txt --tls nonsense", "nonsense"),
        ("unpack b.tar --host-port 0", "0"),
        ("sign b.tar", "--key"),
    ],
)
def test_wrong_calls_are_refused(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refusal(text.split())
    assert not refusal(["pack", "images.txt", "--tls", "host"])
    assert not refusal(["up", "--help"])


def test_the_tests_that_prove_the_promises_exist() -> None:
    """`::name` stands for a test of the file that the page named last."""
    page = REPO / "docs/reliability.md"
    folder = REPO / "tests"
    lacking, last = [], ""
    for name in re.findall(r"`([\w/.]+\.py|(?:[\w/.]+\.py)?::\w+)`", page.read_text()):
        path, _, test = name.partition("::")
        last = path or last
        file = folder / last.removeprefix("tests/")
        known = file.read_text() if file.exists() else ""
        if not known or (test and not re.search(rf"(def|class) {test}\b", known)):
            lacking.append(f"{last}::{test}")
    assert not lacking, f"docs/reliability.md names tests that are not there: {lacking}"


@pytest.mark.parametrize("page", ["docs/design.md", "CONTRIBUTING.md"])
def test_the_files_that_a_newcomer_is_sent_to_are_there(page: str) -> None:
    """A path is the repository's, or one of airgap/; in capitals it is anybody's choice."""
    text = re.sub(r"```.*?```", "", (REPO / page).read_text(), flags=re.DOTALL)
    named = re.findall(r"`((?!/)(?:[a-z_.]+/)+[\w.-]*|[a-z_]+\.py)`", text)
    lacking = [
        name
        for name in named
        if not any((root / name).exists() for root in (REPO, REPO / "airgap"))
        and not re.search(r"/[A-Z]+[.]\w+$", name)
    ]
    assert not lacking, f"{page} names {', '.join(lacking)}"
    assert named


def test_nothing_stands_twice_in_the_changelog() -> None:
    """Merges of branches that each added to its head doubled items."""
    items = re.split(r"^(?=- |#)", (REPO / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    told = Counter(" ".join(item.split()) for item in items)
    assert [item for item, times in told.items() if times > 1] == []
