from airgap.cluster import kind
from airgap.cluster.mark import Mark
from airgap.cluster.parameters import Parameters

PARAMETERS = Parameters("sha256:" + "ab" * 32, "sha256:" + "cd" * 32, workers=1)


def test_every_node_carries_it_beside_its_own_mounts() -> None:
    configuration = kind.patched(
        kind.config(PARAMETERS), {"nodes": [{"extraMounts": [{"hostPath": "/a"}]}]}
    )
    for network in (True, False):
        mark = Mark.new(network=network)
        first, second = mark.on(configuration)["nodes"]
        assert first["extraMounts"][0] == {"hostPath": "/a"}
        for node in (first, second):
            mount = node["extraMounts"][-1]
            assert mount["readOnly"]
            bind = f"{mount['hostPath']}:{mount['containerPath']}:ro"
            assert Mark.of_binds(["/lib/modules:/lib/modules:ro", bind]) == mark


def test_each_run_has_its_own() -> None:
    assert Mark.new(network=True) != Mark.new(network=True)


def test_other_mounts_are_none() -> None:
    binds = ["/dev/null:/kind/other", "/x:/kind/airgap-made-by-0123456789abcdef", "/dev/null:/x:ro"]
    assert Mark.of_binds(binds) is None
    assert Mark.of_binds([]) is None


def test_the_bundle_s_own_configuration_has_none() -> None:
    assert b"airgap-made" not in kind.render_yaml(PARAMETERS)
