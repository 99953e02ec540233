from airgap.bundle.reader import Bundle
from airgap.inspect.contents import inspect
from tests.support.bundles import sample, write


def test_every_member_is_shown(tmp_path):
    names = [
        "README", "registry.yaml", "kind.yaml", "bin/airgap", "bin/kind", "files/a/b", "help/x.txt",
    ]  # fmt: skip
    write(sample(), tmp_path / "b.tar", extras=[(f"airgap/{name}", b"x") for name in names])
    with Bundle.open(tmp_path / "b.tar") as bundle:
        found = inspect(bundle)
    assert found.tools == ("airgap", "kind")
    assert found.files == ("a/b",)
    assert found.others == ("README", "registry.yaml", "kind.yaml", "help/x.txt")
    assert found.to_json()["other_members"] == list(found.others)
