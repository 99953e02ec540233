"""The command line is alike everywhere: what one command takes, its neighbours take as well."""

import re
from collections import defaultdict
from pathlib import Path

import click
import pytest

from airgap.cli.app import cli, run
from tests.support.images import Maker

COMMANDS = {name: command for name, command in cli.commands.items() if name != "help"}
"""All but the one that shows pages."""
CLUSTER = {"unpack", "doctor", "status", "up", "trust", "renew", "teardown"}
IMAGES = {"push", "inspect", "verify", "serve", "export", "diff"}
"""Those that take an OCI layout where they take a bundle."""
READING = IMAGES | {"sign", "unpack", "doctor"}
UPKEEP = CLUSTER - {"unpack", "doctor"}
NO_KEY = "makes keys"
NO_CLUSTER = "knows of no cluster: the file, or a registry, is all that it touches"
LACKING: dict[str, dict[str, set[str]]] = {
    "--quiet": {},
    "--verbose": {},
    "--json": {},
    "--progress": {},
    "--cluster-name": {NO_CLUSTER: IMAGES | {"sign", "keygen"}},
    "--kubeconfig": {
        NO_CLUSTER: IMAGES | {"sign", "keygen", "pack"},
        "changes no access: it asks Kubernetes from within the node": {"trust", "renew"},
    },
    "--wait": {
        "changes nothing that two runs could disagree on": IMAGES | {"sign", "keygen", "pack"},
        "looks only, at whatever another run does": {"doctor", "status"},
    },
    "--yes": {
        "changes what airgap made, and can be run again": {"unpack", "up", "renew"},
        "removes nothing": IMAGES | {"sign", "keygen", "pack", "doctor", "status"},
    },
    "--key": {
        NO_KEY: {"keygen"},
        "reads a registry and lists, no bundle": {"pack"},
        "reads what unpack proved when it landed": UPKEEP,
    },
    "--ca": {
        "asks no registry outside": IMAGES - {"push"} | CLUSTER | {"sign", "keygen"},
    },
    "--host-port": {
        "finds the port that the cluster has": UPKEEP,
        "the port is chosen where the cluster is made": {"pack"},
        NO_CLUSTER: IMAGES | {"sign", "keygen"},
    },
    "--without-attached": {
        "moves no image": CLUSTER - {"unpack"} | {"sign", "keygen", "inspect", "verify", "diff"},
        "what asks for no attachment gets none": {"serve"},
        "an importer's archive has runnable images alone": {"export"},
    },
}
"""Who lacks an option that several commands have, by the reason."""
TOGETHER = {"--ca", "--connections", "--insecure-registry", "--max-wait", "--trust-realm"}
"""What it takes to talk to registries goes together."""
OWN_MEANING = {"sign": {"key"}}
"""Options that mean something else there: the secret key that signs."""


def options(command: click.Command) -> dict[str, click.Option]:
    found = [p for p in command.params if isinstance(p, click.Option)]
    return {max(option.opts, key=len): option for option in found}


def with_option(name: str) -> set[str]:
    return {command for command, found in COMMANDS.items() if name in options(found)}


@pytest.mark.parametrize("name", LACKING)
def test_who_lacks_an_option_has_a_reason(name: str) -> None:
    reasons = LACKING[name].values()
    lacking = set().union(*reasons)
    assert sum(map(len, reasons)) == len(lacking), "one reason is enough"
    assert with_option(name) == set(COMMANDS) - lacking


def test_what_it_takes_to_talk_to_registries_goes_together() -> None:
    assert {name: with_option(name) for name in TOGETHER} == dict.fromkeys(
        TOGETHER, with_option("--ca")
    )


def test_an_option_of_a_name_is_the_same_option() -> None:
    shapes = defaultdict(set)
    for command, found in COMMANDS.items():
        for name, option in options(found).items():
            if option.name not in OWN_MEANING.get(command, ()):
                shape = (option.is_flag, option.count, tuple(sorted(option.opts)))
                shapes[name].add((*shape, type(option.type).__name__, option.metavar or ""))
    different = {name: found for name, found in shapes.items() if len(found) > 1}
    # pack takes one platform after the other, export one; pack names the image, unpack the number
    assert set(different) <= {"--output", "--platform"}, different


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    maker = Maker(tmp_path / "built")
    maker.image(b"layer", name="quay.io/org/app:1")
    maker.layout()
    return maker.folder


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_a_layout_is_taken_where_a_bundle_of_images_is(
    name: str, layout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path, *_) = (p for p in COMMANDS[name].params if p.name in ("path", "bundle_path", "old"))
    assert (path.metavar or "").endswith(".tar|LAYOUT")
    more = {
        "push": ["127.0.0.1:1", "--dry-run"],
        "export": ["-o", str(layout.with_name("out.tar"))],
        "serve": ["--listen", "nonsense"],
        "diff": [str(layout)],
    }
    code = run([name, str(layout), *more.get(name, [])])
    said = capsys.readouterr()
    if name == "serve":  # it serves until it is stopped
        assert "'nonsense' is not an address" in said.err
    else:
        assert code == 0, said.err


@pytest.mark.parametrize("name", sorted(READING - IMAGES))
def test_what_needs_a_bundle_tells_of_a_layout_what_takes_it(
    name: str, layout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    option = ["--bundle"] if name == "doctor" else []
    more = ["--key", "none.key"] if name == "sign" else []
    assert run([name, *option, str(layout), *more]) == 3
    error, hint = capsys.readouterr().err.splitlines()
    assert error == (f"error: {layout} is an OCI image layout, and airgap {name} takes a bundle")
    for taking in IMAGES:
        assert re.search(rf"\b{taking}\b", hint)
    assert f"a line oci:{layout} in images.txt" in hint
    assert run([name, *option, str(layout.parent), *more]) == 3
    assert f"{layout.parent} is a folder, and airgap {name} takes" in capsys.readouterr().err


def test_a_layout_is_verified_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maker = Maker(tmp_path / "built")
    shared = maker.bytes(5000)
    maker.image(shared, name="quay.io/org/app:1")
    maker.image(shared, b"own", name="quay.io/org/app:2")
    layout = maker.layout()
    assert run(["verify", str(maker.folder), "--json"]) == 0
    said = capsys.readouterr().out
    assert '"image_count": 2' in said
    assert '"blob_count": 5' in said, "a layer, a layer, a config that both have, two manifests"
    layer = next(blob for blob in layout.images[1].blobs if blob.size == 3)
    (maker.folder / "blobs/sha256" / layer.digest.hex).write_bytes(b"OWN")
    assert run(["verify", str(maker.folder)]) == 3
    assert layer.digest.hex in capsys.readouterr().err
