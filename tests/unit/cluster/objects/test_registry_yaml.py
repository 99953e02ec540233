import pytest
import yaml

from airgap.cluster.doors.door import READ_PORT
from airgap.cluster.objects import registry_yaml
from airgap.cluster.objects.registry import render
from airgap.cluster.parameters import Parameters
from airgap.errors import InputError

PARAMETERS = Parameters("sha256:" + "ab" * 32, "sha256:" + "cd" * 32, read_port=READ_PORT)
GOOD = registry_yaml.render_yaml(PARAMETERS)


def test_the_file_for_people_holds_the_same_objects() -> None:
    assert list(yaml.safe_load_all(GOOD)) == render(PARAMETERS)
    assert GOOD.startswith(b"# The registry that serves")
    registry_yaml.check_yaml(GOOD, PARAMETERS)
    registry_yaml.check_yaml(GOOD.replace(b"# The registry", b"# A registry"), PARAMETERS)


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
        registry_yaml.check_yaml(changed, PARAMETERS)
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
        registry_yaml.check_yaml(data, PARAMETERS)


def test_nothing_of_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML of brackets takes time that grows with the square of its size."""
    expected = registry_yaml.render_yaml(PARAMETERS)
    monkeypatch.setattr(registry_yaml, "render_yaml", lambda _: expected)
    monkeypatch.setattr(registry_yaml, "yaml", None)
    with pytest.raises(InputError, match="line 1 is "):
        registry_yaml.check_yaml(b"[" * 100_000, PARAMETERS)
