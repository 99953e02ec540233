"""Every output of ``--json`` is as docs/reference/schemas says."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airgap.cli import app
from airgap.cluster.checks.finding import Finding
from airgap.transfer.report import Report
from airgap.unpack.doctor import Examination
from airgap.unpack.receipt import Receipt
from airgap.upkeep.status import NodeStatus, Status
from tests.support import schema
from tests.support.bundles import Content, write
from tests.support.images import Maker
from tests.unit.cli.test_results import _AIRGAP


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    content = Content()
    content.simple("nginx:1.27", 1, 1000)
    write(content, tmp_path / "b.tar")
    return tmp_path / "b.tar"


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    app.run([*map(str, arguments), "--json"])
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert value["version"] == 1
    return value


def test_what_reads_bundles(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert schema.wrong(told(capsys, "inspect", bundle), "inspect") == []
    assert schema.wrong(told(capsys, "verify", bundle), "verify") == []
    assert schema.wrong(told(capsys, "diff", bundle, bundle), "diff") == []
    out = tmp_path / "out.tar"
    assert schema.wrong(told(capsys, "export", bundle, "-o", out), "export") == []
    assert schema.wrong(told(capsys, "push", bundle, "r:1", "--dry-run"), "push-dry-run") == []
    assert schema.wrong(told(capsys, "verify", tmp_path / "none"), "failure") == []


def test_keys_and_signatures(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = told(capsys, "keygen", tmp_path / "k")
    assert schema.wrong(made, "keygen") == []
    signed = told(capsys, "sign", bundle, "--key", made["secret_key"])
    assert schema.wrong(signed, "sign") == []
    assert signed == {"version": 1, "key_id": made["key_id"], "signature": str(bundle)}
    proved = told(capsys, "verify", bundle, "--key", made["public_key"])
    assert proved["signature_proved"] == [made["key_id"]]


def test_pack_also_where_it_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = Maker(tmp_path / "built")
    maker.image(b"layer", name="quay.io/org/app:1")
    maker.layout()
    lines = tmp_path / "images.txt"
    for source in (f"oci:{tmp_path}/built", f"oci:{tmp_path}/built:none"):
        lines.write_text(f"{source} as quay.io/org/app:2\n")
        pack = ("pack", lines, "--images-only", "--platform", "all", "-o", tmp_path / "new.tar")
        value = told(capsys, *pack)
        assert schema.wrong(value, schema.of("pack", value)) == []
        assert ("error" in value) == source.endswith(":none")


def test_serve_tells_where_it_answers(bundle: Path) -> None:
    command = [*_AIRGAP, "serve", str(bundle), "--plain-http", "--listen", "127.0.0.1:0", "--json"]
    ran = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert ran.stdout
        text = ""
        for line in ran.stdout:
            text += line
            if line.startswith("}"):
                break
        value = json.loads(text)
        assert schema.wrong(value, "serve") == []
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*", value["url"])
    finally:
        ran.terminate()
        ran.communicate(timeout=20)
    assert ran.returncode == 0


def test_what_is_told_of_a_cluster() -> None:
    finding = Finding("no room", "make some", fatal=True)
    values = {
        "doctor": Examination({"host": "Linux"}, [finding]).to_json(),
        "unpack": Receipt(
            Path("b.tar"), "sha256:0", "airgap", "127.0.0.1:5000", True, 1,
            [("registry", "runs")], Report(), None, 1.0,
        ).to_json(),
        "status": Status(
            "airgap", [NodeStatus("n", True)], ca_ends=datetime.now(UTC),
        ).to_json(),
    }  # fmt: skip
    for name, value in values.items():
        assert schema.wrong({"version": 1, **value}, name) == []


def test_the_schemas_are_of_commands_and_require_what_they_have() -> None:
    names = {path.stem for path in schema.SCHEMAS.glob("*.json")}
    with_json = {
        name for name, command in app.cli.commands.items()
        if any(parameter.name == "as_json" for parameter in command.params)
    }  # fmt: skip
    extra = {
        "failure", "inspect-layout", "progress", "push-check", "push-dry-run", "verify-layout",
    }  # fmt: skip
    assert names == with_json | extra


def test_what_the_check_of_outputs_finds() -> None:
    good = {"version": 1, "error": "e", "hint": None, "exit_code": 3}
    assert schema.wrong(good, "failure") == []
    assert schema.wrong({**good, "more": 1}, "failure") == ["failure.more is not in the schema"]
    assert schema.wrong({**good, "hint": 3}, "failure") == ["failure.hint is 3, not string or null"]
    assert schema.wrong({**good, "version": True}, "failure")
    del good["error"]
    assert schema.wrong(good, "failure") == ["failure.error is missing"]


def test_a_secret_key_may_come_from_a_pipe(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = told(capsys, "keygen", tmp_path / "k")
    with subprocess.Popen(["cat", made["secret_key"]], stdout=subprocess.PIPE) as pipe:
        assert pipe.stdout
        key = f"/dev/fd/{pipe.stdout.fileno()}"
        assert told(capsys, "sign", bundle, "--key", key)["key_id"] == made["key_id"]


def _members(one: dict[str, Any], where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, inner in one.get("properties", {}).items():
        yield f"{where}.{name}", inner
        yield from _members(inner, f"{where}.{name}")
    if "items" in one:
        yield from _members(one["items"], f"{where}[]")


@pytest.mark.parametrize("name", sorted(path.stem for path in schema.SCHEMAS.glob("*.json")))
def test_one_word_for_one_thing(name: str) -> None:
    """Images are objects, counts are called so, and what was left out has one name."""
    for where, found in _members(schema.schema(name)):
        last = where.rpartition(".")[2]
        if last == "images":
            assert found["type"] == "array", where
            assert found["items"]["type"] == "object", where
        counts = found["type"] == "integer" and found["description"].startswith("How many")
        assert counts == last.endswith("count"), where
        if "left out" in found["description"]:
            assert last == "left_out", where


def progress(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    """Run with --progress json; all of standard error is JSON lines."""
    capsys.readouterr()
    app.run([*map(str, arguments)])
    lines = list(map(json.loads, capsys.readouterr().err.splitlines()))
    assert [text for line in lines for text in schema.wrong(line, "progress")] == []
    return lines


def test_progress_as_json_lines(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = progress(capsys, "verify", bundle, "--progress", "json")
    counted = [line for line in lines if line["event"] == "progress"]
    assert counted[0]["done"] == 0
    assert counted[-1]["done"] == counted[-1]["total"] > 1000
    assert progress(capsys, "verify", bundle, "--progress=json", "-q") == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["verify", "none.tar", "--progress", "json"], 3),
        (["verify", "--nonsense", "--progress=json"], 2),
        (["nonsense", "--progress", "json"], 2),
    ],
)
def test_an_error_is_a_line_of_the_progress_too(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    *_, last = progress(capsys, *arguments)
    assert (last["event"], last["exit_code"]) == ("error", code)


def test_what_is_no_option_asks_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["verify", "--", "--progress", "json"]) == 2
    assert capsys.readouterr().err.startswith("error: ")
