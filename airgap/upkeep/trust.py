"""trust: what this host needs to use a cluster's registry with docker."""

from airgap.cluster import host_trust
from airgap.cluster.host_trust import HostTrust
from airgap.cluster.kube import ready
from airgap.cluster.parameters import NAMESPACE
from airgap.cluster.site import Site, landed
from airgap.errors import ClusterError


def wanted(site: Site) -> HostTrust:
    """Return what this host needs to use the registry with docker.

    Raises:
        ClusterError: no registry of airgap's runs in the cluster.
    """
    kube = site.kube()
    secret, bundles = ready.secret(kube, "registry", NAMESPACE), landed(kube)
    if not secret or not bundles:
        raise ClusterError(
            f"the cluster {site.name} has no registry of airgap's",
            hint="airgap unpack BUNDLE.tar",
        )
    node_port = bundles[-1].parameters.node_port
    port = site.control_plane.ports.get(node_port, node_port)
    return host_trust.of_cluster(site.name, port, secret["ca.crt"])
