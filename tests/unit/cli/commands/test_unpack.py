"""airgap unpack, as it is typed."""

from tests.unit.cli.commands.conftest import Ran, told
from tests.unit.unpack.bundles import Run


def test_unpack_tells_what_it_made_and_what_comes_next(host: Run, typed: Ran) -> None:
    code, out, _ = typed("unpack", host.path, "--workers", "0")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("Unpacked 1 images in ")
    assert lines[1] == "  cluster    kind (made)"
    assert lines[-1].startswith(f"Next: kubectl --kubeconfig {host.kubeconfig} --context kind-kind")
    again = told(typed("unpack", host.path, "--json", "-q"))
    assert (again["cluster"], again["created"]) == ("kind", False)
    code, out, err = typed("unpack", host.path, "-q")
    assert (code, out) == (0, "")
    assert all(line.startswith("warning: ") for line in err.splitlines())
