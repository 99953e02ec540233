"""airgap push, as people and pipelines run it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from airgap.cli import app
from airgap.oci.reference import Reference
from tests.support.bundles import Content, sample, write
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
def registry(registry: MemoryRegistry) -> MemoryRegistry:
    registry.sparse = True
    return registry


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


@pytest.mark.parametrize(
    "registry_name",
    ["", "/p", "reg example/x", "-x/y", "r.example.org:0", "r.example.org:65536/x", "https://r/x",
     "r.example.org:x", "a_b.example.org", "[::1/x"],
)  # fmt: skip
def test_what_is_no_registry(
    bundle: Path, capsys: pytest.CaptureFixture[str], registry_name: str
) -> None:
    code = app.run(["push", str(bundle), "--dry-run", "--", registry_name])
    assert code == 2
    assert "write it as HOST[:PORT][/PREFIX]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("registry_name", "called"),
    [
        ("Reg.Example.ORG:5000/x", "reg.example.org:5000/x/quay.io/org/app: v1"),
        ("[::1]:5000/x/", "[::1]:5000/x/quay.io/org/app: v1"),
    ],
)
def test_a_registry_s_address_is_lower_case(
    bundle: Path, capsys: pytest.CaptureFixture[str], registry_name: str, called: str
) -> None:
    assert app.run(["push", str(bundle), "--dry-run", registry_name]) == 0
    assert called in capsys.readouterr().out


@pytest.mark.parametrize(
    "host", ["docker.io", "DOCKER.IO", "index.docker.io", "registry-1.docker.io"]
)
def test_docker_hub_by_each_of_its_names(
    bundle: Path, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    """Two parts of a path are what it takes, whatever it is called."""
    push = ["push", str(bundle), "--dry-run", f"{host}/me"]
    assert app.run(push) == 3
    assert "docker.io takes NAMESPACE/NAME alone" in capsys.readouterr().err
    assert app.run([*push, "--name-template", "{name}"]) == 0
    assert capsys.readouterr().out.startswith("docker.io/me/nginx: ")


@pytest.mark.parametrize(
    "field", ["what", "0", "", "name!r", "name:>9", "name.upper", "name[0]", "Name"]
)
def test_a_template_knows_its_fields_alone(push: Callable[..., Ran], field: str) -> None:
    ran = push("--dry-run", "--name-template", f"x/{{{field}}}")
    assert ran.code == 3
    assert f"there is no {{{field}}}" in ran.err
    assert "known are {host}, {path}, {namespace}, {name}" in ran.err


def test_two_images_for_one_name(push: Callable[..., Ran], tmp_path: Path) -> None:
    """A map says it, in lines for all tags or for one: the more exact line counts."""
    path = tmp_path / "names.map"
    path.write_text("quay.io/org/app=all\nquay.io/org/app:v1=one\n")
    assert "/one: v1" in push("--dry-run", "--map", path).out
    path.write_text("quay.io/org/app=all\nquay.io/org/app=other\n")
    assert f"{path}:2: quay.io/org/app has another name in a line before" in push("--map", path).err


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nginx=up/X", "'up/X' is no repository"),
        ("nginx", "has no ="),
        ("=x", "invalid reference ''"),
        ("nginx=", "'' is no repository"),
        ("nginx=a=b", "'a=b' is no repository"),
        ("nginx=x:1", "'x:1' is no repository"),
    ],
)
def test_a_map_with_a_wrong_line(
    push: Callable[..., Ran], registry: MemoryRegistry, tmp_path: Path, line: str, why: str
) -> None:
    path = tmp_path / "names.map"
    path.write_text(f"# names\n\n{line}\n")
    ran = push("--map", path)
    assert (ran.code, registry.requests) == (3, [])
    assert f"{path}:3: " in ran.err
    assert why in ran.err


def test_a_round_trip_of_digests_and_tags(
    registry: MemoryRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed is named so that the next run finds it, by tag, by digest, or by both."""
    content = Content()
    images = [content.simple(f"quay.io/org/a{n}:1", 10 * n, 300) for n in range(4)]
    names = [
        "quay.io/org/a0:1",
        f"quay.io/org/a1@{images[1].root.digest}",
        f"quay.io/org/a2:1@{images[2].root.digest}",
    ]
    content.images[:3] = [
        replace(image, reference=Reference.parse(name))
        for image, name in zip(images, names, strict=False)
    ]
    path, failed = tmp_path / "b.tar", tmp_path / "failed.txt"
    write(content, path)
    registry.rules += [on(error(403, "DENIED"), repository=f"quay.io/org/a{n}") for n in range(3)]
    push = ["push", str(path), registry.address, "--failed", str(failed)]
    assert app.run([*push, "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert [one["reference"] for one in told["failed"]] == names
    assert failed.read_text().split("\n") == [*names, ""]
    registry.rules.clear()
    assert app.run([*push, "--images", str(failed)]) == 0
    assert failed.read_text() == ""
    assert app.run(["push", str(path), registry.address, "--check"]) == 0
