"""Every command of the bundle's own page, run in its order by somebody who has the file alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.cli import app
from tests.support.images import Maker
from tests.support.registries import Registry, registry
from tests.unit.pack.carried.test_page import commands

SHELL = f"airgap() {{ {sys.executable} -P -c 'from airgap.cli import main; main()' \"$@\"; }}\n"
"""A function comes before whatever PATH has, also before the program in the bundle."""
NEEDS = {"minisign": "minisign", "skopeo": "skopeo"}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry("distribution", tmp_path_factory.mktemp("target")) as found:
        yield found


def packed(folder: Path, *options: str) -> str:
    """Make a signed bundle of an image for one platform of two; return its own page."""
    maker = Maker(folder / "built")
    children = {name: maker.runnable(name=name, architecture=name) for name in ("amd64", "arm64")}
    maker.index("quay.io/org/app:1", **children)
    maker.layout()
    (folder / "images.txt").write_text("oci:built:quay.io/org/app:1\n")
    bundle, key = str(folder / "b.tar"), str(folder / "SENDER")
    pack = ["pack", str(folder / "images.txt"), "-o", bundle, "--platform", "linux/amd64"]
    assert app.run([*pack, "--images-only", *options]) == 0
    assert app.run(["keygen", key]) == 0
    assert app.run(["sign", bundle, "--key", f"{key}.key"]) == 0
    said = subprocess.run(
        ["tar", "xOf", bundle, "airgap/README"], check=True, capture_output=True, text=True
    )
    return said.stdout


def prepared(line: str, folder: Path, address: str) -> str:
    """Put names in, and what stands for a site that is not here."""
    for ours, theirs in (
        ("FILE", str(folder / "b.tar")),
        ("SENDER.pub", str(folder / "SENDER.pub")),
        ("REGISTRY", address),
        ("REFERENCE", "quay.io/org/app:1"),
        ("/var/lib/rancher/k3s/agent/images/", f"{folder}/k3s/"),
        ("skopeo copy", "skopeo --insecure-policy copy --dest-tls-verify=false"),
        ("/NAME", "/copied/app:1"),
        ("airgap serve", "timeout --preserve-status -s INT 3 env -S $AIRGAP serve"),
        ("--plain-http", "--plain-http --listen 127.0.0.1:0"),
        ("docker load", "test -s $DOCKER; : docker load"),
    ):
        line = line.replace(ours, theirs)
    return line


@pytest.mark.parametrize("carries", [False, True])
def test_the_page_of_a_bundle_of_images(carries: bool, tmp_path: Path, target: Registry) -> None:
    (tmp_path / "k3s").mkdir()
    own = Path(sys.executable).resolve()  # any program does: a function stands for it
    lines = commands(packed(tmp_path, *(["--tool", str(own)] if carries else [])))
    assert ("airgap/bin/airgap" in "".join(lines)) == carries
    script = tmp_path / "airgap.sh"
    script.write_text(SHELL.replace("airgap() ", "#!/bin/bash\nrun() ") + 'run "$@"\n')
    script.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    environment = {**os.environ, "AIRGAP": str(script), "DOCKER": str(tmp_path / "b.tar")}
    body = "\n".join(prepared(line, tmp_path, target.address) for line in lines if _can(line))
    ran = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", SHELL + body], cwd=work, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "airgap help TOPIC" in ran.stdout
    assert (tmp_path / "k3s/images.tar").stat().st_size > 1000
    assert list((target.folder / "storage").rglob("quay.io/org/app/_manifests/tags/1"))


def _can(line: str) -> bool:
    return all(shutil.which(program) for name, program in NEEDS.items() if line.startswith(name))
