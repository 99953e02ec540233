from typing import Any

import pytest

from airgap.cluster.parameters import Parameters
from airgap.errors import InputError

DIGEST = "sha256:" + "ab" * 32


def test_they_travel_as_json() -> None:
    found = Parameters(DIGEST, DIGEST, "shop", 2, 30444, hosts=("registry.example.org",))
    assert Parameters.from_json(found.to_json() | {"unknown": 1}) == found


def test_nodes_are_named_as_kind_names_them() -> None:
    found = Parameters(DIGEST, DIGEST, workers=3)
    assert found.nodes == ("kind-control-plane", "kind-worker", "kind-worker2", "kind-worker3")
    assert Parameters(DIGEST, DIGEST).nodes == ("kind-control-plane",)


def test_the_certificate_is_for_all_names() -> None:
    found = Parameters(DIGEST, DIGEST, workers=1, hosts=("10.0.0.7", "registry.example.org"))
    assert found.names == (
        "kind-control-plane", "kind-worker", "localhost", "127.0.0.1", "::1",
        "registry.registry.svc", "10.0.0.7", "registry.example.org",
    )  # fmt: skip


def test_images_are_named_by_their_content() -> None:
    found = Parameters(DIGEST, "sha256:" + "cd" * 32)
    assert found.node_image == "airgap/node:sha256-abababababab"
    assert found.registry_image == "docker.io/airgap/registry@sha256:" + "cd" * 32


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("node_digest", "latest"),
        ("registry_digest", "sha256:../x"),
        ("cluster_name", "-x"),
        ("cluster_name", "$(touch x)"),
        ("cluster_name", "x" * 50),
        ("cluster_name", "a..b"),
        ("cluster_name", "a.-b"),
        ("workers", -1),
        ("workers", "2"),
        ("workers", True),
        ("host_port", 0),
        ("host_port", 65536),
        ("node_port", 443),
        ("read_port", 443),
        ("read_port", 30443),
        ("read_port", "30444"),
        ("storage", 0),
        ("hosts", ["a b"]),
        ("hosts", ["fe80::1%eth0"]),
        ("hosts", ['x"\n']),
        ("hosts", "registry.example.org"),
        ("hosts", [7]),
    ],
)
def test_bad_ones_are_named(key: str, value: Any) -> None:
    good = Parameters(DIGEST, DIGEST).to_json()
    with pytest.raises(InputError) as caught:
        Parameters.from_json(good | {key: value})
    assert key in caught.value.message or "invalid digest" in caught.value.message


def test_those_of_releases_before_get_both_doors() -> None:
    value = Parameters(DIGEST, DIGEST, storage=7).to_json()
    del value["read_port"]
    found = Parameters.from_json(value)
    assert found.read_port == 0
    assert found.with_doors == Parameters(DIGEST, DIGEST, storage=7, read_port=30444)
    assert found.with_doors.with_doors == found.with_doors


def test_missing_ones_are_named() -> None:
    with pytest.raises(InputError, match="lack node_digest, registry_digest"):
        Parameters.from_json({})
