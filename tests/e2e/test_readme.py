"""Every command block of the README, as it stands there.

The comment before each block says where it runs. The lab stands for the internet, so its options
are put in: mirrors for pack, what kind needs on its machine for unpack.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import REPO, Lab, run
from tests.support.registries import Registry, registry

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

BLOCK = re.compile(r"(?:<!-- (?P<where>[^>]*) -->\n)?```sh\n(?P<script>.*?)```", re.DOTALL)
BLOCKS = [(m["where"], m["script"]) for m in BLOCK.finditer((REPO / "README.md").read_text())]
CONNECTED, ISOLATED = "tested on the connected machine", "tested on the isolated host"
FRESH = "tested on a fresh Debian"
"""By test_fresh.py."""
NAMES = [
    ("hub", "library/nginx", "1.22", "library/nginx:1.27"),
    ("quay", "org/app", "1.0", "prometheus/prometheus:v3.1.0"),
]
"""What the lab has, and what the README calls it."""


class Reader:
    """Somebody who follows the README, with one folder and one home."""

    def __init__(self, lab: Lab, single_file: Path, folder: Path, target: Registry) -> None:
        self.lab, self.folder, self.target = lab, folder, target
        (folder / "ca.crt").write_bytes(target.ca_pem)
        (folder / "bin").mkdir()
        (folder / "bin/airgap").symlink_to(single_file)
        (folder / "bin/kind").symlink_to(lab.env["kind"])

    def follow(self, where: str, script: str) -> str:
        own = f"export HOME={self.folder} PATH={self.folder}/bin:$PATH\n"
        shell = ("bash", "-euo", "pipefail", "-c", own + self._with_lab(script))
        if where == ISOLATED:
            return self.lab.isolated(*shell, cwd=self.folder).stdout
        return run(*shell, cwd=self.folder, env=self.lab.connected_env).stdout

    def _with_lab(self, script: str) -> str:
        cluster = [] if "--images-only" in script else self.lab.cluster_images
        pack = [*self.lab.mirrors, *cluster]
        for ours, theirs in (
            ("airgap pack ", f"airgap pack {shlex.join(pack)} "),
            ("airgap unpack ", f"airgap unpack --kind-patch {self.lab.env['kind_patch']} "),
            ("registry.example.org", self.target.address),
            ("airgap serve", "timeout --preserve-status -s INT 3 airgap serve"),
        ):
            script = script.replace(ours, theirs)
        return script


@pytest.fixture(scope="module")
def reader(
    lab: Lab, single_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    lab.upstreams("start")
    for host, repository, tag, new in NAMES:
        options = ("--src-tls-verify=false", "--dest-tls-verify=false")
        login = ("--authfile", f"{lab.env['docker_config']}/config.json")
        base = f"docker://{lab.env[host]}"
        run(
            "skopeo",
            "copy",
            "--all",
            *options,
            *login,
            f"{base}/{repository}:{tag}",
            f"{base}/{new}",
        )
    folder = tmp_path_factory.mktemp("readme")
    with registry("distribution", folder / "registry", tls=True) as target:
        yield Reader(lab, single_file, folder, target)
    lab.isolated(lab.env["kind"], "delete", "cluster", "--name", "kind")
    lab.isolated("docker", "image", "prune", "-af")


def test_every_block_says_where_it_runs() -> None:
    for where, script in BLOCKS:
        assert where, f"this block of the README says not where it is tested:\n{script}"


def test_the_blocks_run_in_their_order(reader: Reader) -> None:
    ran = []
    for where, script in BLOCKS:
        if where in (CONNECTED, ISOLATED):
            ran.append(reader.follow(where, script))
        if "kubectl run" in script:
            reader.follow(ISOLATED, "kubectl wait --for=condition=Ready --timeout=90s pod/nginx")
    said = "".join(ran)
    for expected in (
        "Packed 2 images into bundle.tar", "Unpacked 2 images", "pod/nginx created",
        "SHA256SUMS", ": OK", "Loaded image: nginx:1.27",
        "Signature and comment signature verified", "trusts the registry", "Pushed 2 images to",
    ):  # fmt: skip
        assert expected in said, expected
    assert "FAILED" not in said
