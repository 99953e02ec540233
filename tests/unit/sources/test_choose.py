from contextlib import ExitStack

from airgap.oci.reference import Reference
from airgap.sources.choose import choose
from airgap.spec.image_list import parse_line
from tests.support.images import described
from tests.support.shelf import Shelf


def test_a_new_name_leads_to_the_old_one() -> None:
    shelf = Shelf()
    root = described(shelf.image(b"layer", name="quay.io/org/app:1"))
    other = described(shelf.image(b"nginx", name="nginx:1"))
    lines = ["docker://quay.io/org/app:1 as app:2", "nginx:1"]
    _, source = choose(map(parse_line, lines), shelf, ExitStack())
    name, plain = Reference.parse("app:2"), Reference.parse("nginx:1")
    assert source.resolve(name)[0] == root
    assert source.resolve(plain)[0] == other
    assert [str(reference) for reference in shelf.resolved] == [
        "quay.io/org/app:1",
        "docker.io/library/nginx:1",
    ]
    assert source.manifest(name, root) == shelf.content[root.digest]
    assert source.has_blob(name, root)
    assert source.remaining_pulls(name) is None
