"""The registry in the cluster: its image, whom it is believed by, its objects, the images."""

import secrets

from airgap.bundle.certificate import carried_tls
from airgap.bundle.docker_archive import docker_archive
from airgap.bundle.reader import Bundle
from airgap.certificates.make import issue
from airgap.certificates.prove import covers
from airgap.certificates.values import Tls
from airgap.cluster import mirrors
from airgap.cluster.kube import ready
from airgap.cluster.objects import registry as objects
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Kube
from airgap.cluster.site import Site
from airgap.progress import Progress
from airgap.registry.options import Options as RegistryOptions
from airgap.targets.naming import Naming
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from airgap.transfer.report import Report
from airgap.transfer.stop import Stop
from airgap.unpack.ahead import Content

_WORKLOAD = ("Deployment", "Service")
_NODES_SECONDS = 300
_REGISTRY_SECONDS = 300


def import_image(found: Site, bundle: Bundle, name: str) -> bool:
    """Import the registry image where the registry runs; tells whether it had to be."""
    node = found.control_plane
    if bundle.registry is None or node.has_image(name):
        return False
    node.import_image(name, docker_archive(bundle, bundle.registry, 0, name))
    return True


def choose_tls(kube: Kube, bundle: Bundle, parameters: Parameters, progress: Progress) -> Tls:
    """Take the cluster's certificate, else the bundle's, else make one.

    Raises:
        TrustError: the bundle's does not hold.
    """
    found = ready.secret(kube, "registry", NAMESPACE)
    if found:
        return Tls(found["ca.crt"], found["tls.crt"], found["tls.key"])
    carried = carried_tls(bundle)
    if carried:
        lacking = covers(carried.cert_pem, parameters.names)
        if not lacking:
            return carried
        progress.warn(
            f"the bundle's certificate is not for {', '.join(lacking)}: a new CA is made here"
        )
    return issue(parameters.names)


def trust_nodes(found: Site, bundle: Bundle, parameters: Parameters, ca_pem: bytes) -> int:
    """Write the CA and the names into every node; returns the number of files written."""
    wanted = mirrors.files(
        sorted({image.reference.host for image in bundle.images}),
        parameters,
        [node.name for node in found.nodes],
        parameters.host_port,
    )
    return sum(mirrors.trust_node(node, wanted, ca_pem) for node in found.nodes)


def start(found: Site, kube: Kube, bundle: Bundle, parameters: Parameters, tls: Tls) -> bool:
    """Apply the registry's objects and wait until it answers; tells whether anything changed.

    Raises:
        ClusterError: it does not come up in time.
    """
    clock, changed = found.tools.clock, False
    if bundle.registry is not None:
        found.control_plane.prepare_storage()
        namespace, *rest = objects.render(parameters)
        changed |= kube.apply(namespace)
        if not ready.secret(kube, "registry", NAMESPACE):
            changed |= kube.apply(objects.secret(tls, secrets.token_hex(32)))
        # A pod that the scheduler cannot place at once waits up to ten seconds for its next
        # look: so its volume and its node come first.
        for each in (each for each in rest if each["kind"] not in _WORKLOAD):
            changed |= kube.apply(each)
        ready.wait_claim(kube, "registry", NAMESPACE, _REGISTRY_SECONDS, clock)
        ready.wait_nodes(kube, len(found.nodes), _NODES_SECONDS, clock)
        for each in (each for each in rest if each["kind"] in _WORKLOAD):
            changed |= kube.apply(each)
    ready.wait_deployment(kube, "registry", NAMESPACE, _REGISTRY_SECONDS, clock)
    return changed


def push_images(content: Content, endpoint: str, ca_pem: bytes, progress: Progress) -> Report:
    """Push what is missing.

    Raises:
        AirgapError: an image did not land; the others did.
    """
    options, stop = RegistryOptions(ca_pem=ca_pem, tries=8), Stop()
    names = Naming(short_names=True).names(content.images)
    with RegistryTarget(endpoint, options, progress, scheme="https", stop=stop) as target:
        report = push(content.images, content, target, progress, names=names, stop=stop)
    report.check()
    return report
