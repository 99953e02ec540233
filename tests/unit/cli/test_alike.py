"""The command line is alike everywhere: what one command takes, its neighbours take as well."""

from collections import defaultdict
from pathlib import Path

import click
import pytest

from airgap.cli.app import cli, run
from tests.support.images import Maker

COMMANDS = {name: command for name, command in cli.commands.items() if name != "help"}
"""All but the one that shows pages."""
OF_CLUSTERS = {"pack", "unpack", "doctor", "status", "up", "trust", "renew", "teardown"}
WITH_ACCESS = OF_CLUSTERS - {"pack", "trust", "renew"}
"""Those that write, read or forget an access to Kubernetes: trust and renew change none."""
OF_LAYOUTS = {"push", "inspect", "verify", "serve", "export"}
READING = OF_LAYOUTS | {"diff", "unpack", "doctor"}
OWN_MEANING = {"sign": {"key"}}
"""Options that mean something else there: the secret key that signs."""


def options(command: click.Command) -> dict[str, click.Option]:
    found = [p for p in command.params if isinstance(p, click.Option)]
    return {max(option.opts, key=len): option for option in found}


def with_option(name: str) -> set[str]:
    return {command for command, found in COMMANDS.items() if name in options(found)}


def test_each_command_is_quiet_or_loud_and_speaks_json() -> None:
    for name in ("--quiet", "--verbose", "--json"):
        assert with_option(name) == set(COMMANDS), name


def test_what_is_about_a_cluster_says_which() -> None:
    assert with_option("--cluster-name") == OF_CLUSTERS
    assert with_option("--kubeconfig") == WITH_ACCESS
    assert with_option("--wait") == {"unpack", "up", "trust", "renew", "teardown"}
    assert with_option("--yes") == {"trust", "teardown"}


def test_what_reads_bundles_proves_who_made_them() -> None:
    assert with_option("--key") == READING | {"sign"}


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


@pytest.mark.parametrize("name", sorted(OF_LAYOUTS))
def test_a_layout_is_taken_where_a_bundle_of_images_is(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = (p for p in COMMANDS[name].params if p.name in ("path", "bundle_path"))
    assert path.make_metavar(click.Context(COMMANDS[name])) == "BUNDLE.tar|LAYOUT"
    maker = Maker(tmp_path / "built")
    maker.image(b"layer", name="quay.io/org/app:1")
    maker.layout()
    more = {
        "push": ["127.0.0.1:1", "--dry-run"],
        "export": ["-o", str(tmp_path / "out.tar")],
        "serve": ["--listen", "nonsense"],
    }
    code = run([name, str(maker.folder), *more.get(name, [])])
    said = capsys.readouterr()
    if name == "serve":  # it serves until it is stopped
        assert "'nonsense' is no address" in said.err
    else:
        assert code == 0, said.err


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
