import pytest

from airgap.cluster.site import Site
from airgap.errors import ClusterError
from airgap.upkeep.trust import wanted
from tests.unit.unpack.bundles import Run


def test_the_registry_s_name_port_and_authority(run: Run) -> None:
    site = Site.find(run.host.engine, "kind", run.host.tools)
    port = site.control_plane.ports[30443]
    found = wanted(site)
    assert found.name == "kind-control-plane"
    assert found.addresses == [f"kind-control-plane:{port}", f"localhost:{port}"]
    assert found.ca_pem == run.landed[0][1]


def test_a_cluster_without_a_registry(run: Run) -> None:
    run.host.cluster("bare")
    with pytest.raises(ClusterError, match="bare has no registry of airgap's"):
        wanted(Site.find(run.host.engine, "bare", run.host.tools))
