"""airgap push, as people and pipelines run it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airgap.cli import app
from tests.support.bundles import sample, write
from tests.support.pushing import tags
from tests.support.registry import MemoryRegistry, error, on

NGINX = "docker.io/library/nginx:1.27"
MULTI = "ghcr.io/org/multi:v2"
APP = "quay.io/org/app:v1"


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "b.tar"
    write(sample(), path)
    return path


@pytest.fixture
def registry() -> Iterator[MemoryRegistry]:
    with MemoryRegistry() as found:
        found.sparse = True
        yield found


@pytest.fixture
def push(
    capsys: pytest.CaptureFixture[str], bundle: Path, registry: MemoryRegistry
) -> Callable[..., Ran]:
    def push(*more: object, prefix: str = "") -> Ran:
        capsys.readouterr()
        code = app.run(["push", str(bundle), registry.address + prefix, *map(str, more)])
        return Ran(code, *capsys.readouterr())

    return push


def test_what_failed_is_told_as_data_and_goes_in_the_next_run(
    push: Callable[..., Ran], registry: MemoryRegistry, tmp_path: Path
) -> None:
    failed = tmp_path / "failed.txt"
    registry.rule = on(error(400, "NAME_UNKNOWN", "no such project"), repository="quay.io/org/app")
    ran = push("--json", "--failed", failed)
    assert ran.code == 3
    (found,) = ran.json["failed"]
    assert (found["reference"], found["status"], found["code"]) == (APP, 400, "NAME_UNKNOWN")
    assert found["target"] == f"{registry.address}/{APP}"
    assert sorted(ran.json["tags"]) == [NGINX, MULTI]
    assert f"error: {APP}: " in ran.err
    assert failed.read_text() == f"{APP}\n"
    registry.rules.clear()
    seen = len(registry.requests)
    assert push("--images", failed, "--failed", failed).code == 0
    assert {r.repository for r in registry.requests[seen:]} <= {"quay.io/org/app", ""}
    assert failed.read_text() == ""
    assert set(tags(registry)) == {NGINX, MULTI, APP}


def test_a_list_with_what_is_not_in_the_bundle(
    push: Callable[..., Ran], registry: MemoryRegistry, tmp_path: Path
) -> None:
    wanted = tmp_path / "list.txt"
    wanted.write_text(f"{APP}\ngone:1\n")
    ran = push("--images", wanted)
    assert ran.code == 3
    assert "names what is not in the bundle" in ran.err
    assert "gone:1" in ran.err
    assert registry.requests == []


def test_check_sends_nothing_and_has_a_code_of_its_own(
    push: Callable[..., Ran], registry: MemoryRegistry, tmp_path: Path
) -> None:
    failed = tmp_path / "failed.txt"
    ran = push("--check", "--json", "--failed", failed)
    assert ran.code == 9
    assert [x["reference"] for x in ran.json["missing"]] == [NGINX, APP, MULTI]
    assert failed.read_text().split() == [NGINX, APP, MULTI]
    assert registry.content.repositories == {}
    assert push().code == 0
    ran = push("--check")
    assert ran.code == 0
    assert "3 images of the bundle: all are whole" in ran.out
    assert push("--check", prefix="/elsewhere").code == 9


def test_a_dry_run_asks_nobody(push: Callable[..., Ran], registry: MemoryRegistry) -> None:
    ran = push("--dry-run", prefix="/team")
    assert ran.code == 0
    assert f"{registry.address}/team/docker.io/library/nginx: 1.27: 3 blobs (" in ran.out
    value = push("--dry-run", "--json", prefix="/team").json
    assert value["registry"] == registry.address
    assert [found["repository"] for found in value["repositories"]] == [
        "team/docker.io/library/nginx", "team/quay.io/org/app", "team/ghcr.io/org/multi",
    ]  # fmt: skip
    assert registry.requests == []
    assert push("--dry-run", "--check").code == 2


@pytest.mark.parametrize(
    ("more", "names"),
    [
        (["--strip-host"], {"p/library/nginx:1.27", "p/org/app:v1", "p/org/multi:v2"}),
        (["--name-template", "{host}-{name}"],
         {"p/docker.io-nginx:1.27", "p/quay.io-app:v1", "p/ghcr.io-multi:v2"}),
        (["--map", "MAP"], {"p/web/nginx:1.27", f"p/{APP}", f"p/{MULTI}"}),
        (["--short-names"],
         {f"p/{NGINX}", f"p/{APP}", f"p/{MULTI}", "p/nginx:1.27", "p/org/app:v1",
          "p/org/multi:v2"}),
    ],
)  # fmt: skip
def test_names(
    push: Callable[..., Ran],
    registry: MemoryRegistry,
    tmp_path: Path,
    more: list[str],
    names: set[str],
) -> None:
    path = tmp_path / "names.map"
    path.write_text("nginx=web/nginx\ngone=web/gone\n")
    ran = push(*(path if word == "MAP" else word for word in more), prefix="/p")
    assert ran.code == 0, ran.err
    assert set(tags(registry)) == names
    assert ("docker.io/library/gone is not in the bundle" in ran.err) is ("--map" in more)


@pytest.mark.parametrize(
    ("more", "prefix", "said"),
    [
        ([], "/Mirror", "write it as mirror"),
        (["--name-template", "{name}-{tag}"], "", "there is no {tag}"),
        (["--name-template", "all"], "", ""),
        (["--map", "/nowhere/at/all"], "", "cannot read /nowhere/at/all"),
        (["--failed", "/dev/null"], "", "/dev/null"),
    ],
)
def test_what_is_refused_before_anything_is_sent(
    push: Callable[..., Ran], registry: MemoryRegistry, more: list[str], prefix: str, said: str
) -> None:
    ran = push(*more, prefix=prefix)
    assert (ran.code in (3, 6)) is (more != ["--name-template", "all"])
    assert said in ran.err
    assert (registry.requests == []) is (more != ["--name-template", "all"])


def test_two_ways_to_say_one_thing(push: Callable[..., Ran]) -> None:
    assert push("--strip-host", "--name-template", "{name}").code == 2


def test_an_index_in_part_and_what_helps(
    push: Callable[..., Ran], registry: MemoryRegistry
) -> None:
    registry.sparse = False
    ran = push()
    assert ran.code == 3
    assert f"{MULTI}: the registry takes no index without all its platforms" in ran.err
    assert "hint: push with --flatten, " in ran.err
    ran = push("--flatten", "--json")
    assert ran.code == 0
    (changed,) = ran.json["flattened"]
    assert changed["reference"] == MULTI
    assert changed["after"] == tags(registry)[MULTI] != changed["before"]
    assert push("--flatten", "--check").code == 0
