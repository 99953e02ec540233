"""The pipelines of docs/guide/ci.md, step by step, each in clean clones of a repository.

Twice for GitHub, cold and with the cache of the run before, and once for GitLab: the signed file
has one sha256. Its tools come over http, as the page has it, and are checked as it says.
"""

import json
import os
import re
import shutil
import socketserver
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import file_digest
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import AIRGAP, REPO, Lab, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PAGE = (REPO / "docs/guide/ci.md").read_text()
SHELL = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
GITHUB, GITLAB = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
TOOLS, PACK = SHELL[:2]
DEFINITION = """
name: shop
serial: 7
platforms: [linux/amd64]
images: [nginx:1.22, quay.io/org/app:1.0]
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing about it."""

    def log_message(self, *_: object) -> None:
        pass


class Origin:
    """The repository of somebody who packs in CI, and where his tools are kept."""

    def __init__(self, lab: Lab, program: Path, folder: Path) -> None:
        self.lab, self.folder, self.repository = lab, folder, folder / "origin"
        self.tools, self.cache = folder / "tools", folder / "cache"
        self.repository.mkdir()
        self.tools.mkdir()
        shutil.copy(program, self.tools / "airgap-linux-amd64")
        shutil.copy(lab.env["kind"], self.tools / "kind-linux-amd64")
        run(AIRGAP, "keygen", folder / "release")
        self.secret = (folder / "release.key").read_text().rstrip("\n")
        self._commit()

    def _commit(self) -> None:
        node, registry = self.lab.env["node_image"], self.lab.env["registry_image"]
        more = f"node-image: {node}\nregistry-image: {registry}\n"
        run("bash", "-euc", TOOLS, cwd=self.tools)
        shutil.move(self.tools / "tools.sha256", self.repository)
        shutil.copy(self.folder / "release.pub", self.repository)
        (self.repository / "shop.yaml").write_text(DEFINITION + more)
        mirrors = " ".join(self.lab.mirrors)
        (self.repository / "pack.sh").write_text(
            PACK.replace("airgap pack ", f"airgap pack {mirrors} ")
        )
        run("git", "init", "-q", cwd=self.repository)
        run("git", "add", ".", cwd=self.repository)
        who = ("-c", "user.name=ci", "-c", "user.email=ci@example.org")
        run("git", *who, "commit", "-qm", "What is packed", cwd=self.repository)

    def job(self, name: str, lines: str, url: str) -> dict[str, object]:
        """Run the lines of a job in a clean clone, with the cache as the run before left it."""
        clone = self.folder / name
        run("git", "clone", "-q", self.repository, clone)
        if self.cache.exists():
            shutil.copytree(self.cache, clone / "cache")
        environment = self.lab.connected_env | {"RELEASE_KEY": self.secret, "TOOLS_URL": url}
        run("bash", "-eo", "pipefail", "-c", lines, cwd=clone, env=environment)
        shutil.rmtree(self.cache, ignore_errors=True)
        shutil.copytree(clone / "cache", self.cache)
        text = self.secret.encode().splitlines()[-1]
        for file in (clone / "packed.json", clone / "pack.sh", *(clone / "cache").iterdir()):
            assert text not in file.read_bytes(), f"{file} has the secret key"
        packed: dict[str, object] = json.loads((clone / "packed.json").read_text())
        with (clone / "shop.tar").open("rb") as bundle:
            return packed | {"sha256": file_digest(bundle, "sha256").hexdigest()}


@pytest.fixture(scope="module")
def origin(lab: Lab, single_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Origin:
    lab.upstreams("start")
    return Origin(lab, single_file, tmp_path_factory.mktemp("ci"))


@pytest.fixture(scope="module")
def url(origin: Origin) -> Iterator[str]:
    handler = partial(Quiet, directory=origin.tools)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def github() -> str:
    """Return what GitHub's runner runs: the steps' lines, each in a shell of its own."""
    steps = [step for step in GITHUB["jobs"]["pack"]["steps"] if "run" in step]
    asked = {name for step in steps for name in step.get("env", {})}
    assert asked == {"TOOLS_URL", "RELEASE_KEY"}
    return "\n".join(f"(\n{step['run']}\n)" for step in steps)


def gitlab() -> str:
    """Return what GitLab's runner runs; the programs that it installs first are here."""
    install, *rest = [*GITLAB["bundle"]["before_script"], *GITLAB["bundle"]["script"]]
    assert install.startswith("apt-get update && apt-get install")
    assert all(shutil.which(program) for program in ("curl", "sha256sum"))
    return "\n".join(rest)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the page's tools are for amd64")
def test_cold_warm_and_elsewhere_give_one_signed_file(origin: Origin, url: str) -> None:
    cold = origin.job("cold", github(), url)
    warm = origin.job("warm", github(), url)
    other = origin.job("gitlab", gitlab(), url)
    assert cold["sha256"] == warm["sha256"] == other["sha256"]
    assert (cold["name"], cold["serial"], cold["secret"]) == ("shop", 7, False)
    assert cold["fetched"]
    assert [warm["fetched"], other["fetched"]] == [0, 0], "the cache has every blob"


def test_a_tool_that_is_another_stops_the_job(origin: Origin, url: str) -> None:
    (origin.tools / "kind-linux-amd64").write_bytes(b"something else")
    clone = origin.folder / "stopped"
    run("git", "clone", "-q", origin.repository, clone)
    environment = os.environ | {"RELEASE_KEY": origin.secret, "TOOLS_URL": url}
    ended = run("bash", "-eo", "pipefail", "-c", github(), cwd=clone, env=environment, check=False)
    assert ended.returncode
    assert "kind-linux-amd64: FAILED" in ended.stdout
    assert not (clone / "shop.tar").exists()
