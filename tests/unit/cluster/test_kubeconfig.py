import base64
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from airgap.cluster import kubeconfig
from airgap.cluster.kube.access import Access
from airgap.errors import ResourceError
from tests.support.cluster import FakeClock

ACCESS = Access("https://127.0.0.1:40000", b"CA", b"certificate", b"key")
CLOCK = FakeClock().clock()
MINE = (
    "clusters: [{name: mine, cluster: {server: 'https://mine:6443'}}]\n"
    "contexts: [{name: mine, context: {cluster: mine, user: mine}}]\n"
    "users: [{name: mine, user: {token: t}}]\ncurrent-context: mine\npreferences: {colors: true}\n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".kube/config"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def names(path: Path, key: str) -> list[str]:
    return [entry["name"] for entry in load(path)[key]]


def entry(ca_pem: bytes, server: str = "https://127.0.0.1:1") -> str:
    """As kind writes one: without a mark."""
    data = base64.b64encode(ca_pem).decode()
    cluster = {"certificate-authority-data": data, "server": server}
    return yaml.safe_dump({"clusters": [{"name": "kind-kind", "cluster": cluster}]})


def test_entries_are_added_and_taken_out_and_the_rest_is_as_before(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(MINE)
    path.chmod(0o640)
    assert kubeconfig.add(path, "kind", ACCESS, CLOCK)
    assert names(path, "clusters") == names(path, "contexts") == ["mine", "kind-kind"]
    assert load(path)["current-context"] == "kind-kind"
    assert path.stat().st_mode & 0o777 == 0o640
    assert kubeconfig.forget(path, "kind", None, CLOCK)
    assert load(path) == yaml.safe_load(MINE)
    assert not kubeconfig.forget(path, "kind", None, CLOCK)
    assert list(path.parent.iterdir()) == [path]


def test_a_new_file_is_the_user_s_alone(path: Path) -> None:
    assert kubeconfig.add(path, "kind", ACCESS, CLOCK)
    assert path.stat().st_mode & 0o777 == 0o600
    user = load(path)["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]) == b"key"


def test_a_second_time_writes_only_what_changed_and_leaves_the_user_s_choices(path: Path) -> None:
    kubeconfig.add(path, "kind", ACCESS, CLOCK)
    value = load(path)
    value["current-context"] = ""
    value["contexts"][0]["context"]["namespace"] = "shop"
    path.write_text(yaml.safe_dump(value))
    before = path.stat().st_mtime_ns
    assert kubeconfig.add(path, "kind", ACCESS, CLOCK)
    assert path.stat().st_mtime_ns == before
    moved = Access("https://127.0.0.1:50000", b"CA", b"certificate", b"key")
    assert kubeconfig.add(path, "kind", moved, CLOCK)
    assert load(path)["clusters"][0]["cluster"]["server"] == moved.server
    assert load(path)["contexts"][0]["context"]["namespace"] == "shop"
    assert load(path)["current-context"] == ""
    assert kubeconfig.leads_to(path, "kind", moved)
    assert not kubeconfig.leads_to(path, "kind", ACCESS)


def test_an_entry_without_a_mark_is_ours_by_its_ca_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(entry(b"another CA"))
    before = path.read_bytes()
    assert not kubeconfig.add(path, "kind", ACCESS, CLOCK)
    assert not kubeconfig.forget(path, "kind", b"CA", CLOCK)
    assert not kubeconfig.forget(path, "kind", None, CLOCK)
    assert kubeconfig.is_foreign(path, "kind")
    assert path.read_bytes() == before
    path.write_text(entry(b"CA"))
    assert kubeconfig.add(path, "kind", ACCESS, CLOCK), "the release before let kind write it"
    assert not kubeconfig.is_foreign(path, "kind")
    assert kubeconfig.forget(path, "kind", None, CLOCK)


def test_an_entry_for_a_cluster_of_somebody_else_stays_his(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(entry(b"CA", ACCESS.server))
    before = path.read_bytes()
    assert kubeconfig.add(path, "kind", ACCESS, CLOCK, ours=False), "it leads there already"
    moved = Access("https://127.0.0.1:50000", b"CA", b"certificate", b"key")
    assert not kubeconfig.add(path, "kind", moved, CLOCK, ours=False)
    assert not kubeconfig.forget(path, "kind", None, CLOCK)
    assert path.read_bytes() == before
    path.write_text("")
    assert kubeconfig.add(path, "kind", ACCESS, CLOCK, ours=False)
    assert kubeconfig.add(path, "kind", moved, CLOCK, ours=False), "what airgap wrote is its own"
    assert kubeconfig.forget(path, "kind", None, CLOCK)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"- a\n- b\n", "it is no mapping"),
        (b"clusters: [text]\n", "its clusters are no list of mappings"),
        (b"users: {a: b}\n", "its users are no list of mappings"),
        (b"\xff\xfe\x00", "it is not YAML"),
        (b"a: [", "it is not YAML"),
        (b"[" * 300, "it is not YAML"),
    ],
)
def test_an_odd_file_is_named_and_left(path: Path, content: bytes, why: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    for act in (
        lambda: kubeconfig.add(path, "kind", ACCESS, CLOCK),
        lambda: kubeconfig.forget(path, "kind", None, CLOCK),
        lambda: kubeconfig.check(path),
    ):
        with pytest.raises(ResourceError, match=f"cannot be used: {why}"):
            act()
    assert not kubeconfig.is_foreign(path, "kind")
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_entries_without_a_cluster_are_nobody_s(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("clusters: [{name: kind-kind, cluster: [odd]}]\n")
    assert not kubeconfig.add(path, "kind", ACCESS, CLOCK)
    assert not kubeconfig.forget(path, "kind", b"CA", CLOCK)


def test_a_link_stays_one(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "real")
    (tmp_path / "real").write_text(MINE)
    kubeconfig.add(path, "kind", ACCESS, CLOCK)
    assert path.is_symlink()
    assert "kind-kind" in (tmp_path / "real").read_text()


def test_kubectl_s_lock_is_waited_for_and_named(path: Path) -> None:
    path.parent.mkdir()
    lock = path.with_name("config.lock")
    lock.touch()
    fake = FakeClock()
    with pytest.raises(ResourceError, match=r"config\.lock is \d+ s old") as caught:
        kubeconfig.add(path, "kind", ACCESS, fake.clock())
    assert 10 <= fake.time < 11
    assert f"rm {lock}" in caught.value.hint
    fake.during = lambda: lock.unlink(missing_ok=True)
    assert kubeconfig.add(path, "kind", ACCESS, fake.clock())
    assert not lock.exists()


def test_writers_at_once_lose_nothing(path: Path) -> None:
    def write(number: int) -> None:
        from airgap.cluster.ports import Clock

        kubeconfig.add(path, f"c{number}", ACCESS, Clock())

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(path, "clusters")) == [f"kind-c{n}" for n in range(6)]


def test_where_new_entries_go(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    assert kubeconfig.place([first, second]) == second
    first.touch()
    assert kubeconfig.place([first, second]) == first
    assert kubeconfig.place([]) is None


def test_a_place_that_takes_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match=r"cannot write the kubeconfig .*file/config") as caught:
        kubeconfig.check(tmp_path / "file/config")
    assert "--kubeconfig" in caught.value.hint
    (tmp_path / "folder").mkdir()
    with pytest.raises(ResourceError, match="is a folder, not a file"):
        kubeconfig.check(tmp_path / "folder")
