from pathlib import Path

import pytest
import yaml

from airgap.cluster import kind
from airgap.cluster.parameters import Parameters
from airgap.errors import ClusterError, InputError, ResourceError

PARAMETERS = Parameters("sha256:" + "ab" * 32, "sha256:" + "cd" * 32, workers=1, host_port=30444)


def test_the_configuration() -> None:
    found = kind.config(PARAMETERS)
    control_plane, worker = found["nodes"]
    assert control_plane["extraPortMappings"] == [
        {"containerPort": 30443, "hostPort": 30444, "listenAddress": "127.0.0.1", "protocol": "TCP"}
    ]
    assert worker == {"role": "worker", "image": "airgap/node:sha256-abababababab"}
    assert yaml.safe_load(kind.render_yaml(PARAMETERS)) == found


def test_podman_s_node_image_has_the_host_that_podman_gives_it() -> None:
    nodes = kind.chosen(PARAMETERS, None, "localhost/")["nodes"]
    assert {node["image"] for node in nodes} == {"localhost/airgap/node:sha256-abababababab"}


def test_a_patch_adds_to_lists_and_replaces_values() -> None:
    base = {"a": {"x": 1, "y": [1]}, "b": 1}
    patch = {"a": {"y": [2], "z": 3}, "b": 2, "c": 3}
    assert kind.merge(base, patch) == {"a": {"x": 1, "y": [1, 2], "z": 3}, "b": 2, "c": 3}


def test_a_user_s_patch_meets_nodes_by_position() -> None:
    base = kind.config(PARAMETERS)
    found = kind.patched(base, {"nodes": [{}, {"labels": {"a": "b"}}], "featureGates": {"X": True}})
    assert found["nodes"][0] == base["nodes"][0]
    assert found["nodes"][1] == base["nodes"][1] | {"labels": {"a": "b"}}
    assert found["featureGates"] == {"X": True}
    with pytest.raises(InputError, match="more nodes than the cluster"):
        kind.patched(base, {"nodes": [{}, {}, {}]})
    with pytest.raises(InputError, match="says name: 'other'"):
        kind.patched(base, {"name": "other"})


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([{}, {"role": "control-plane"}], r"nodes\[1\] a control plane: a cluster of several"),
        ([{"role": "worker"}], r"nodes\[0\] 'worker', and it is a control-plane"),
        ([{}, {"role": "etcd"}], r"nodes\[1\] 'etcd', and it is a worker"),
        ([{}, "control-plane"], r"nodes\[1\] a control plane"),
        ([7], r"nodes\[0\] 7, and it is a control-plane"),
    ],
)
def test_a_patch_leaves_one_control_plane_the_first(nodes: list[object], why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        kind.patched(kind.config(PARAMETERS), {"nodes": nodes})
    assert "control plane" in caught.value.hint


def test_a_patch_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "patch.yaml"
    for text in ("- x", "a: [", "!!python/name:os.system"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"patch\.yaml"):
            kind.load_patch(path)
    with pytest.raises(InputError, match="cannot read"):
        kind.load_patch(tmp_path / "missing")


def program(path: Path, script: str) -> kind.KindProgram:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return kind.KindProgram(path, {"PATH": "/usr/bin:/bin"})


def test_a_failure_carries_the_command_and_the_last_words(tmp_path: Path) -> None:
    failing = program(tmp_path / "kind", "echo 'ERROR: no nodes' >&2; exit 1")
    with pytest.raises(ClusterError, match=r"create cluster --name shop .*\n  ERROR: no") as caught:
        failing.create("shop", kind.config(PARAMETERS), tmp_path)
    assert "docker logs shop-control-plane" in caught.value.hint
    with pytest.raises(ResourceError, match="cannot run"):
        kind.KindProgram(tmp_path / "missing", {}).version()


def test_kind_gets_the_configuration_and_a_kubeconfig_of_its_own(tmp_path: Path) -> None:
    """The user's kubeconfig is airgap's to write, which leaves what is not its own."""
    script = f'echo "$*" > {tmp_path}/said'
    program(tmp_path / "kind", script).create("kind", kind.config(PARAMETERS), tmp_path)
    said = (tmp_path / "said").read_text()
    assert f"--kubeconfig {tmp_path}/kubeconfig" in said
    assert "--retain" in said
    assert yaml.safe_load((tmp_path / "kind.yaml").read_text()) == kind.config(PARAMETERS)


@pytest.mark.parametrize(
    ("says", "version"), [("kind v0.32.0 go1.26 linux/amd64", "v0.32.0"), ("", "unknown")]
)
def test_the_version(tmp_path: Path, says: str, version: str) -> None:
    assert program(tmp_path / "kind", f"echo {says}").version() == version
