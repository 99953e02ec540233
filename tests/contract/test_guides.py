"""The shell lines of the guides, block after block as a reader follows them, in one folder.

What a page needs is made first, by the names that it uses. A registry stands for the internet,
another one for the site's. Commands for a cluster, and programs that are not here, do nothing:
e2e tests run what they do, and test_docs.py parses them.
"""

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.images import Maker
from tests.support.registries import Registry, registry
from tests.unit.pack.carried.test_page import commands
from tests.unit.test_recipes import blocks

pytestmark = [pytest.mark.needs(name) for name in ("jq", "minisign", "skopeo")]

REPO = Path(__file__).parents[2]
IMAGES = ("docker.io/library/nginx:1.27", "quay.io/prometheus/prometheus:v3.1.0")
CLUSTER = {"--node-image": "kindest/node:v1.36.1", "--registry-image": "registry:3.1.1"}
NAMES = (*IMAGES, "docker.io/kindest/node:v1.36.1", "docker.io/library/registry:3.1.1")
LISTS = {
    "images.txt": "nginx:1.27\nquay.io/prometheus/prometheus:v3.1.0\n",
    "shop.yaml": "name: shop\nserial: 7\n"
    "images: [nginx:1.27, quay.io/prometheus/prometheus:v3.1.0]\n",
}
ABSENT = ("docker", "podman", "kubectl", "helm", "k3s", "systemctl", "ctr", "less", "sysctl")
ELSEWHERE = ("mirror.example.org", "registry.lan", "auth.example.com", "--ca-cert", "minisign -G",
             "vendor.pub", "curl -fsSLO")  # fmt: skip
"""Lines with these meet servers and keys that are not here."""
LEFT = {"guide/ci.md": 2}
"""How many blocks at a page's beginning another test runs: the pipelines."""
PAGES = {
    "guide/first-bundle.md": ["Packed 2 images into bundle.tar", "Verified: "],
    "guide/pack.md": ["Packed 2 images into bundle.tar", "Packed 1 image into shop.tar"],
    "guide/sign.md": ["Signature and comment signature verified", "signature  valid"],
    "guide/review.md": ["docker.io/library/nginx:1.27 sha256:", '{"manifest":"sha256:'],
    "guide/without.md": ["docker.io/library/nginx:1.27", "This file is a bundle"],
    "guide/upgrade.md": ["signature  valid", "shop-8.tar"],
    "guide/export.md": ["nginx:1.27"],
    "guide/push.md": ["Pushed 2 images to"],
    "guide/sites.md": ["2 images"],
    "guide/serve.md": ["docker.io/library/nginx", "1.27"],
    "sparse-indexes.md": ["sha256:"],
    "spec.md": [],
    "guide/ci.md": ["verify"],
}
AIRGAP = r"""#!/bin/bash
verb=$1; shift
run=("$PYTHON" -P -c 'from airgap.cli import main; main()')
case "$verb $* " in
  pack*--images-only*) exec "${run[@]}" pack "$@" $MIRRORS ;;
  pack*) exec "${run[@]}" pack "$@" $MIRRORS $CLUSTER ;;
  serve*) timeout --preserve-status -s INT 30 "${run[@]}" serve "$@" >/dev/null & sleep 2 ;;
  doctor*|unpack*|status*|up*|trust*|renew*|teardown*) cat >/dev/null </dev/null ;;
  *) exec "${run[@]}" $verb "$@" ;;
esac
"""


class Site:
    """A folder with what the pages name; programs that are not here do nothing."""

    def __init__(self, folder: Path, upstream: Registry, target: Registry) -> None:
        self.folder, self.target = folder, target
        self.programs = folder / "programs"
        self.programs.mkdir()
        self._program("airgap", AIRGAP)
        self._program("sudo", '#!/bin/sh\ncase $1 in airgap|cp|mkdir|tee) exec "$@";; esac\n')
        for name in ABSENT:
            self._program(name, "#!/bin/sh\necho image: nginx:1.27\n")
        mirrors = [f"--registry-mirror={host}=http://{upstream.address}/{host}"
                   for host in ("docker.io", "quay.io")]  # fmt: skip
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
            "PATH": f"{self.programs}:/usr/bin:/bin", "HOME": str(folder),
            "PYTHON": sys.executable, "PYTHONPATH": str(REPO), "MIRRORS": " ".join(mirrors),
            "CLUSTER": " ".join(f"{option} {name}" for option, name in CLUSTER.items()),
            "DOCKER_CONFIG": str(folder),
        }  # fmt: skip

    def _program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def make(self, script: str) -> str:
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=self.folder, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{script}\n{ran.stdout[-2000:]}\n{ran.stderr[-3000:]}"
        return ran.stdout + ran.stderr

    def prepared(self, block: str) -> str:
        """Leave out what is elsewhere, and put the site's own registry and folders in."""
        kept = "\n".join(
            line for line in block.replace("\\\n", " ").split("\n")
            if not any(word in line for word in ELSEWHERE)
        )  # fmt: skip
        for ours, theirs in (
            ("registry.example.org", self.target.address),
            ("harbor.site", self.target.address),
            ("localhost:5000", self.target.address),
            ("skopeo copy", "skopeo --insecure-policy copy -q --dest-tls-verify=false"),
            ("/etc/", f"{self.folder}/etc/"),
            ("/var/lib/", f"{self.folder}/"),
            ("mirror.site:5000", "localhost:5999"),
            ("mirror.site", "localhost"),
            ("0.0.0.0:5000", "127.0.0.1:5999"),
            ("--ca ca.crt", ""),
            ("--ca harbor-ca.crt", ""),
        ):
            kept = kept.replace(ours, theirs)
        return kept


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Registry, Registry]]:
    with ExitStack() as stack:
        up, target = (
            stack.enter_context(registry("distribution", tmp_path_factory.mktemp(name)))
            for name in ("upstream", "target")
        )
        maker = Maker(tmp_path_factory.mktemp("made") / "layout")
        for name in NAMES:
            children = {a: maker.runnable(name=f"{name}-{a}", architecture=a)
                        for a in ("amd64", "arm64")}  # fmt: skip
            maker.index(name, **children)
        maker.layout()
        main = "from airgap.cli import main; main()"
        push = [sys.executable, "-P", "-c", main, "push", str(maker.folder), up.address, "-q"]
        subprocess.run(push, check=True, cwd=REPO)
        yield up, target


@pytest.fixture
def site(tmp_path: Path, registries: tuple[Registry, Registry]) -> Site:
    found = Site(tmp_path, *registries)
    for name, text in LISTS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "charts.tgz").write_bytes(b"a file")
    elf = b"\x7fELF\x02\x01" + bytes(12) + struct.pack("<H", 62) + bytes(44)
    for name in ("kind", "programs/kind", "kind-linux-amd64"):
        (tmp_path / name).write_bytes(elf)
        (tmp_path / name).chmod(0o755)
    digest = sha256((tmp_path / "kind").read_bytes()).hexdigest()
    (tmp_path / "kind-linux-amd64.sha256sum").write_text(f"{digest}  kind-linux-amd64\n")
    (tmp_path / "built").mkdir()
    for folder in ("etc/docker", "rancher/k3s/agent/images"):
        (tmp_path / folder).mkdir(parents=True)
    return found


def prepare(site: Site, page: str) -> None:
    """Make the bundles and keys that a page begins with."""
    site.make(
        "airgap keygen release -q; airgap keygen review -q\n"
        "airgap pack images.txt -o bundle.tar -q; cp bundle.tar unsigned.tar\n"
        "airgap sign bundle.tar --key release.key -q\n"
        "for n in 6 7; do airgap pack shop.yaml -o shop-$n.tar -q --tls host\n"
        "airgap sign shop-$n.tar --key release.key -q; done\n"
        "airgap pack images.txt -o shop.tar --images-only -q --platform linux/amd64\n"
        "airgap pack images.txt -o all.tar --images-only -q --platform all\n"
        "cp shop.tar images-6.tar"
    )
    if page == "guide/sign.md":  # which begins with these
        site.make("mv unsigned.tar bundle.tar; rm release.key release.pub")


@pytest.mark.parametrize("page", PAGES)
def test_the_lines_of_a_page_run(page: str, site: Site) -> None:
    prepare(site, page)
    script = blocks(REPO / "docs" / page, "sh")[LEFT.get(page, 0) :]
    said = site.make("\n".join(map(site.prepared, script)))
    for expected in PAGES[page]:
        assert expected in said, said[-3000:]


def test_the_page_of_a_bundle_for_a_cluster(site: Site) -> None:
    """test_page.py runs those of bundles of images alone."""
    prepare(site, "")
    lines = commands(site.make("tar xOf bundle.tar airgap/README"))
    assert {"airgap doctor --bundle FILE", "airgap unpack FILE"} <= set(lines)
    script = site.prepared(
        "\n".join(lines).replace("--plain-http", "--plain-http --listen [::1]:0")
    )
    for ours, theirs in (
        ("FILE", str(site.folder / "bundle.tar")),
        ("SENDER.pub", str(site.folder / "release.pub")),
        ("docker://REGISTRY/NAME", f"docker://{site.target.address}/one/nginx:1"),
        ("REGISTRY", f"{site.target.address}/mirror"),
        ("REFERENCE", IMAGES[0]),
    ):
        script = script.replace(ours, theirs)
    said = site.make(script)
    assert "Pushed 2 images to" in said
    assert list((site.target.folder / "storage").rglob("one/nginx/_manifests/tags/1"))


def test_every_guide_is_run_here_or_by_another_test() -> None:
    elsewhere = {"operate", "unpack", "troubleshoot", "years", "release", "podman"}
    guides = {path.stem for path in (REPO / "docs/guide").glob("*.md")}
    assert guides - elsewhere == {Path(page).stem for page in PAGES if page.startswith("guide/")}
