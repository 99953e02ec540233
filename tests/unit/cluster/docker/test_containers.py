"""What containerd says of a container: its image is known by the config, never by a name."""

import base64
import json
from typing import Any

import pytest

from airgap.cluster.docker.containers import made_from


def container(pod: str, name: str, image: str, created: str = "2026-11-29T07:44:37Z") -> Any:
    """As ``ctr containers info`` tells it."""
    value = json.dumps({"Version": "v1", "Metadata": {"ID": "1", "ImageRef": image}}).encode()
    kind = "github.com/containerd/cri/pkg/store/container/Metadata"
    metadata = {"type_url": kind, "value": base64.b64encode(value).decode()}
    return {
        "ID": "1",
        "Labels": {"io.kubernetes.pod.name": pod, "io.kubernetes.container.name": name},
        "Image": "docker.io/library/a-name:1",
        "CreatedAt": created,
        "Extensions": {"io.cri-containerd.container.metadata": metadata},
        "Spec": {"process": {"args": ["}{"]}},
    }


def test_several_one_after_the_other() -> None:
    first, second = container("p", "a", "sha256:1"), container("q", "a", "sha256:2")
    text = f"{json.dumps(first, indent=4)}\n{json.dumps(second)}\n"
    assert made_from(text) == {("p", "a"): "sha256:1", ("q", "a"): "sha256:2"}
    assert made_from("") == {}


def test_of_those_with_one_name_the_last_one_counts() -> None:
    early = container("p", "a", "sha256:1", "2026-11-29T07:44:37Z")
    late = container("p", "a", "sha256:2", "2026-11-29T07:45:02.5Z")
    for order in ((early, late), (late, early)):
        assert made_from("".join(map(json.dumps, order))) == {("p", "a"): "sha256:2"}


@pytest.mark.parametrize("text", ["{", "[]", "{}", "1", json.dumps({"CreatedAt": "", "Labels": 1})])
def test_what_is_no_container_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        made_from(text)
