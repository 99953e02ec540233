"""What pages hold besides commands of airgap: YAML that parses, shell that runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from airgap.cli import app
from tests.support import schema
from tests.support.images import Maker

REPO = Path(__file__).parents[2]
PAGES = sorted([REPO / "README.md", *(REPO / "docs").rglob("*.md")])
CI = REPO / "docs/guide/ci.md"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_yaml_parses(page: Path) -> None:
    for text in blocks(page, "yaml"):
        assert yaml.safe_load(text) is not None, text


def members(name: str) -> set[str]:
    """Return every member that a command's schemas tell, at any depth."""
    found = set[str]()
    todo = [schema.schema(p.stem) for p in schema.SCHEMAS.glob("*.json")
            if p.stem.partition("-")[0] == name]  # fmt: skip
    while todo:
        one = todo.pop()
        found |= set(one.get("properties", {}))
        todo += [*one.get("properties", {}).values(), *([one["items"]] if "items" in one else [])]
    return found


def test_jq_in_pages_asks_for_members_that_there_are() -> None:
    seen = 0
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ").replace("|\n", "|")
        for verb, wanted in re.findall(
            r"airgap (\w+)[^\n|]* --json[^\n|]*\| *jq [^\n]*?'([^']*)'", text
        ):
            asked = set(re.findall(r"\.([a-z_]+)", wanted))
            assert asked
            assert asked <= members(verb), (page, wanted)
            seen += 1
    assert seen >= 8


def test_both_pipelines_check_their_tools_and_run_the_script() -> None:
    github, gitlab = map(yaml.safe_load, blocks(CI, "yaml"))
    steps: list[dict[str, Any]] = github["jobs"]["pack"]["steps"]
    runs = "\n".join(step.get("run", "") for step in steps)
    lines = "\n".join([*gitlab["bundle"]["before_script"], *gitlab["bundle"]["script"]])
    for said in (runs, lines):
        assert said.index("sha256sum -c tools.sha256") < said.index("bash pack.sh")
    cached = next(step["with"]["path"] for step in steps if "cache@" in step.get("uses", ""))
    assert cached in gitlab["bundle"]["cache"]["paths"]
    kept = next(step["with"]["path"] for step in steps if "upload-artifact" in step.get("uses", ""))
    assert kept.split() == gitlab["bundle"]["artifacts"]["paths"] == ["shop.tar", "packed.json"]


def _text(path: Path) -> str:
    return path.read_bytes().decode("latin-1")


def test_the_script_of_ci_twice_gives_one_file(tmp_path: Path) -> None:
    """Cold, then with the cache. Images only: a node image is not at hand here."""
    maker = Maker(tmp_path / "built")
    maker.image(b"layer", name="quay.io/org/app:1")
    maker.layout()
    (tmp_path / "shop.yaml").write_text("name: shop\nserial: 7\nimages: [oci:built]\n")
    assert app.run(["keygen", str(tmp_path / "release")]) == 0
    secret = (tmp_path / "release.key").read_text()
    (tmp_path / "release.key").unlink()
    program = tmp_path / "airgap-linux-amd64"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(REPO)!r})\n"
        "from airgap.cli import main\nmain()\n"
    )
    (tmp_path / "kind-linux-amd64").touch()
    _, script = blocks(CI, "sh")[:2]
    (tmp_path / "pack.sh").write_text(script.replace("--tls host", "--images-only --platform all"))
    files = []
    for _ in range(2):
        ran = subprocess.run(
            ["bash", "pack.sh"], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "RELEASE_KEY": secret.rstrip("\n")},
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        files.append((tmp_path / "shop.tar").read_bytes())
        assert not [p for p in tmp_path.glob("*") if p.is_file() and secret in _text(p)]
    assert files[0] == files[1]
