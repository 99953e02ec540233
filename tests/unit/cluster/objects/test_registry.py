import base64

import pytest
import yaml

from airgap.certificates.values import Tls
from airgap.cluster.objects import registry as manifests
from airgap.cluster.parameters import Parameters
from airgap.errors import InputError

PARAMETERS = Parameters("sha256:" + "ab" * 32, "sha256:" + "cd" * 32)
GOOD = manifests.render_yaml(PARAMETERS)


def test_all_objects_are_called_registry() -> None:
    found = manifests.render(PARAMETERS)
    kinds = [item["kind"] for item in found]
    assert kinds == [
        "Namespace", "PersistentVolume", "PersistentVolumeClaim",
        "ConfigMap", "Deployment", "Service",
    ]  # fmt: skip
    assert {item["metadata"]["name"] for item in found} == {"registry"}


def test_the_file_for_people_holds_the_same_objects() -> None:
    assert list(yaml.safe_load_all(GOOD)) == manifests.render(PARAMETERS)
    assert GOOD.startswith(b"# The registry that serves")
    manifests.check_yaml(GOOD, PARAMETERS)
    manifests.check_yaml(GOOD.replace(b"# The registry", b"# A registry"), PARAMETERS)


def test_the_registry_accepts_sparse_indexes_and_urls() -> None:
    config_map = manifests.render(PARAMETERS)[3]
    config = yaml.safe_load(config_map["data"]["config.yml"])
    assert config["validation"]["manifests"]["indexes"] == {"platforms": "none"}
    assert config["validation"]["manifests"]["urls"] == {"allow": ["^https?://"]}
    assert config["storage"]["delete"] == {"enabled": True}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"runAsUser: 65532", b"runAsUser: 0", r"'runAsUser: 0' instead of 'runAsUser: 65532'"),
        (b"kind: Service\n", b"kind: ClusterRoleBinding\n", "'kind: ClusterRoleBinding' instead"),
        (b"nodePort: 30443", b"nodePort: '30443'", "instead of 'nodePort: 30443'"),
        (b"replicas: 1", b"replicas: 1\n  paused: true", "is 'paused: true' instead"),
        (b"    app.kubernetes.io/name: registry\n", b"", "instead of 'app"),
        (b"kind: Namespace", b"kind: Namespace\x1b[2J", r"is 'kind: Namespace\x1b[2J' instead"),
    ],
)
def test_the_first_line_that_differs_is_named(old: bytes, new: bytes, why: str) -> None:
    assert old in GOOD
    changed = GOOD.replace(old, new)
    pairs = zip(GOOD.split(b"\n"), changed.split(b"\n"), strict=False)
    number = next(n for n, (ours, theirs) in enumerate(pairs, 1) if ours != theirs)
    with pytest.raises(InputError, match=f"line {number} is ") as caught:
        manifests.check_yaml(changed, PARAMETERS)
    assert why in caught.value.message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD + b"---\nkind: ClusterRoleBinding\n",
        GOOD[:-20],
        b"a: &a [x]\nb: *a\n",
        b"x" * (2 << 20),
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(
        InputError, match=r"registry\.yaml in the bundle is not what airgap renders"
    ):
        manifests.check_yaml(data, PARAMETERS)


def test_nothing_of_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML of brackets takes time that grows with the square of its size."""
    expected = manifests.render_yaml(PARAMETERS)
    monkeypatch.setattr(manifests, "render_yaml", lambda _: expected)
    monkeypatch.setattr(manifests, "yaml", None)
    with pytest.raises(InputError, match="line 1 is "):
        manifests.check_yaml(b"[" * 100_000, PARAMETERS)


def test_the_secret_holds_certificate_and_ca() -> None:
    data = manifests.secret(Tls(b"ca", b"cert", b"key"), "hs")["data"]
    assert {key: base64.b64decode(text) for key, text in data.items()} == {
        "ca.crt": b"ca",
        "tls.crt": b"cert",
        "tls.key": b"key",
        "http-secret": b"hs",
    }
