"""The registry's objects in a cluster: what is waited for, and what no waiting helps."""

from pathlib import Path

import pytest

from airgap.cluster.doors import deploy
from airgap.cluster.site import Site, landed
from airgap.errors import ClusterError
from tests.unit.unpack.bundles import Run, cluster_bundle


@pytest.mark.parametrize("cordoned", [False, True])
def test_a_drained_node_is_not_waited_for(tmp_path: Path, cordoned: bool) -> None:
    run = Run(tmp_path)
    cluster_bundle(run.path)
    run()
    kube, site = run.host.kube_of("kind"), Site.find(run.host.engine, "kind", run.host.tools)
    (record,) = landed(kube)
    node = kube.get("Node", "kind-control-plane")
    assert node
    node["spec"] = {"unschedulable": cordoned}
    deploy.wait(site, kube, record.parameters, changed=False)  # it runs: nothing is in the way
    kube.delete("Deployment", "registry", "registry")
    before = run.host.clock.time
    with pytest.raises(ClusterError) as caught:
        deploy.wait(site, kube, record.parameters, changed=False)
    assert (run.host.clock.time == before) == cordoned
    assert ("kubectl uncordon kind-control-plane" in caught.value.hint) == cordoned
