"""The registry in the cluster: its image, whom it is believed by, its objects, the images."""

from airgap.bundle.archives import oci_archive
from airgap.bundle.certificate import carried_tls
from airgap.bundle.reader import Bundle
from airgap.certificates.make import issue
from airgap.certificates.prove import covers
from airgap.certificates.values import Tls
from airgap.cluster import mirrors
from airgap.cluster.doors import deploy
from airgap.cluster.doors.login import Entrance, Login
from airgap.cluster.kube import ready
from airgap.cluster.objects import registry as objects
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Kube
from airgap.cluster.site import Site
from airgap.errors import ClusterError
from airgap.progress import Progress
from airgap.registry.credentials import Credential
from airgap.registry.options import Options as RegistryOptions
from airgap.targets.naming import Naming
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import push
from airgap.transfer.report import Report
from airgap.transfer.stop import Stop
from airgap.unpack.ahead import Content


def import_image(found: Site, bundle: Bundle, name: str) -> bool:
    """Import the registry image where the registry runs; tells whether it had to be.

    Raises:
        ClusterError: the node has another image under its name still.
    """
    node, image = found.control_plane, bundle.registry
    if image is None or node.has_image(name, digest := str(image.root.digest)):
        return False
    node.import_image(name, oci_archive(bundle, image, name))
    if not node.has_image(name, digest):
        raise ClusterError(
            f"containerd on {node.name} does not have {digest} as {name}",
            hint=f"look: docker exec {node.name} ctr -n k8s.io images ls",
        )
    return True


def choose_tls(
    kube: Kube, bundle: Bundle, parameters: Parameters, progress: Progress, *, own: bool = False
) -> Tls:
    """Take the cluster's certificate, else the bundle's, else make one.

    Args:
        kube: the cluster.
        bundle: may carry one.
        parameters: say which names it is for.
        progress: is told where the key is from.
        own: make one rather than take the bundle's.

    Raises:
        TrustError: the bundle's does not hold.
    """
    found = ready.secret(kube, "registry", NAMESPACE)
    if found:
        return Tls(found["ca.crt"], found["tls.crt"], found["tls.key"])
    carried = None if own else carried_tls(bundle)
    if carried:
        lacking = covers(carried.cert_pem, parameters.names)
        if not lacking:
            progress.note(
                "the registry's key came with the bundle: who has a copy of it can pose as this"
                " registry (--tls host makes a key here instead)"
            )
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


def start(
    found: Site, kube: Kube, bundle: Bundle, parameters: Parameters, tls: Tls
) -> tuple[bool, Login]:
    """Apply the registry's objects and wait until it answers.

    Returns whether that changed anything, and what the registry's writing door asks for.

    Raises:
        ClusterError: it does not come up in time.
    """
    if bundle.registry is None:
        changed = deploy.take_over(found, kube, parameters)
        deploy.wait(found, kube, parameters, changed=changed)
        return changed, deploy.put_secret(kube, tls)[1]
    found.control_plane.prepare_storage()
    changed = kube.apply(objects.namespace())
    made, login = deploy.put_secret(kube, tls)
    return deploy.deploy(found, kube, parameters) or changed or made, login


def push_images(content: Content, entrance: Entrance, progress: Progress) -> Report:
    """Push what is missing.

    Raises:
        AirgapError: an image did not land; the others did.
    """
    options, stop = RegistryOptions(ca_pem=entrance.ca_pem, tries=8), Stop()
    credential = Credential(entrance.login.user, entrance.login.password)
    names = Naming(short_names=True).names(content.images)
    with RegistryTarget(
        entrance.endpoint, options, progress, scheme="https", stop=stop, credential=credential
    ) as target:
        report = push(content.images, content, target, progress, names=names, stop=stop)
    report.check()
    return report
